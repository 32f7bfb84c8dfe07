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

// isolationTimeout bounds what a check looks at before its first attempt.
const isolationTimeout = time.Minute

// checkIsolation looks whether the isolation of tenants can be checked. No run goes live before such a check.
func checkIsolation(ctx context.Context, settings *config.Config) []onboarding.Finding {
	const name = "isolation checks"
	const fix = "Set isolation.database_url to a role with BYPASSRLS that may read every table and take on platform.app_role; docs/install.md, step 4, makes one."
	ctx, cancel := context.WithTimeout(ctx, isolationTimeout)
	defer cancel()
	lacking := ""
	if settings.Isolation.DatabaseURL.IsZero() {
		lacking = "isolation.database_url is missing, and platform.database_url does not do: "
	}
	checker, err := isolation.New(settings.Isolation.Config(settings.Platform))
	if err != nil {
		return []onboarding.Finding{failing(name, fix, "%s%v", lacking, err)}
	}
	leftOut, err := checker.Ready(ctx)
	if _, away := errors.AsType[*pgconn.ConnectError](err); away {
		return []onboarding.Finding{failing(name, "Check isolation.database_url, and that this machine may connect to it.", "%s%s", lacking, platform.Explain(err))}
	}
	if err != nil {
		return []onboarding.Finding{failing(name, fix, "%s%s", lacking, platform.Explain(err))}
	}
	findings := []onboarding.Finding{well(name, "the truth can be seen, and a tenant's session taken on")}
	for _, line := range leftOut {
		findings = append(findings, doubtful("isolation", "Grant the role of isolation.database_url pg_read_all_data, or correct the table below isolation.tables.", "not checked: %s", line))
	}
	return findings
}
