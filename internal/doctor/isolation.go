package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// isolationTimeout bounds what an isolation check reads before its first attempt.
const isolationTimeout = time.Minute

// checkIsolation checks that the isolation of tenants can be checked. No run goes live without
// that.
func checkIsolation(ctx context.Context, settings *config.Config) []onboarding.Finding {
	const name = "isolation checks"
	const fix = "Set isolation.database_url to a role with BYPASSRLS and pg_read_all_data that is no member of " +
		"platform.app_role, and platform.app_database_url to a login as platform.app_role; docs/install.md, step 4."
	ctx, cancel := context.WithTimeout(ctx, isolationTimeout)
	defer cancel()
	lacking := ""
	if settings.Isolation.DatabaseURL.IsZero() {
		lacking = "isolation.database_url is missing, and platform.database_url is not enough: "
	}
	checker, err := isolation.New(settings.Isolation.Config(settings.Platform))
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, fix, "%s%v", lacking, err)}
	}
	leftOut, err := checker.Ready(ctx)
	if _, away := errors.AsType[*pgconn.ConnectError](err); away {
		return []onboarding.Finding{onboarding.Failing(name,
			"Check isolation.database_url and platform.app_database_url, and that this machine may connect to them.",
			"%s%s", lacking, platform.Explain(err))}
	}
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, fix, "%s%s", lacking, platform.Explain(err))}
	}
	findings := []onboarding.Finding{onboarding.Passed(name, "can read every row, and log in as the app role")}
	for _, line := range leftOut {
		findings = append(findings, onboarding.Doubtful("isolation",
			"Grant pg_read_all_data to the role of isolation.database_url, or correct the table's entry in "+
				"isolation.tables.",
			"not checked: %s", line))
	}
	return findings
}
