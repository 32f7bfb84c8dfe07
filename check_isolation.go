package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// checkIsolation looks whether reports about the isolation of tenants have a role that sees the truth. Runs do without.
func checkIsolation(ctx context.Context, settings *config.Config) []onboarding.Finding {
	const name = "isolation reports"
	const fix = "Set isolation.database_url to a role with BYPASSRLS that may read every table and take on platform.app_role."
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	known := settings.Isolation.Check(settings.Platform)
	conn, err := pgx.Connect(ctx, known.DatabaseURL)
	if err != nil {
		return []onboarding.Finding{doubtful(name, fix, "%s", platform.Explain(err))}
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var role string
	var above, becomes bool
	err = conn.QueryRow(ctx, `SELECT current_user, r.rolsuper OR r.rolbypassrls,
			coalesce((SELECT pg_has_role(app.oid, 'MEMBER') FROM pg_roles app WHERE app.rolname = $1), false)
		FROM pg_roles r WHERE r.rolname = current_user`, known.AppRole).Scan(&role, &above, &becomes)
	switch {
	case err != nil:
		return []onboarding.Finding{doubtful(name, fix, "%s", platform.Explain(err))}
	case !above:
		return []onboarding.Finding{doubtful(name, fix, "policies bind %s, which is to see what they hide", role)}
	case !becomes && known.AppDatabaseURL == "":
		return []onboarding.Finding{doubtful(name, fix, "%s may not take on %s", role, known.AppRole)}
	}
	return []onboarding.Finding{well(name, "no policy binds %s, which may be %s", role, known.AppRole)}
}
