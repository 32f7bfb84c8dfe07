package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/app"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// databaseTimeout bounds all queries to the bot's own database together.
const databaseTimeout = 15 * time.Second

// checkDatabase checks the bot's own database.
func checkDatabase(ctx context.Context, settings config.Database) []onboarding.Finding {
	const name, fix = "own database", "Check database.url, and that this machine may connect to it."
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	pool, err := app.OpenPool(ctx, settings)
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, fix, "%v", err)}
	}
	defer pool.Close()
	var version string
	var most, reserved int
	began := time.Now()
	if err := pool.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('max_connections')::int,
		current_setting('superuser_reserved_connections')::int`).Scan(&version, &most, &reserved); err != nil {
		return []onboarding.Finding{onboarding.Failing(name, fix, "%s", platform.Explain(err))}
	}
	findings := []onboarding.Finding{onboarding.Passed(name, "PostgreSQL %s answers in %s", version,
		time.Since(began).Round(time.Millisecond))}
	if free := most - reserved; int(settings.Connections) > free {
		findings = append(findings,
			onboarding.Failing("own connections",
				"Lower database.connections and database.runs, or raise max_connections there.",
				"one replica may open %d, and the server allows %d to all its clients", settings.Connections, free))
	}
	owner, err := app.OpenPool(ctx, settings.AsOwner())
	if err != nil {
		return append(findings, onboarding.Failing("own rights", "Check database.owner_url.", "%v", err))
	}
	defer owner.Close()
	for _, check := range []struct {
		pool *pgxpool.Pool
		make func(context.Context, *pgxpool.Pool, string) (onboarding.Finding, error)
	}{
		{owner, checkOwnRights}, {owner, checkTables}, {pool, checkDatabaseClock},
		{pool, func(ctx context.Context, pool *pgxpool.Pool, schema string) (onboarding.Finding, error) {
			return checkAuditTrail(ctx, pool, schema, !settings.OwnerURL.IsZero())
		}},
	} {
		finding, err := check.make(ctx, check.pool, settings.Schema)
		if err != nil {
			finding = onboarding.Failing(finding.Name, "See the server's log.", "%s", platform.Explain(err))
		}
		findings = append(findings, finding)
	}
	return findings
}

// checkOwnRights checks that the role may create its tables, or owns them already.
func checkOwnRights(ctx context.Context, pool *pgxpool.Pool, schema string) (onboarding.Finding, error) {
	finding := onboarding.Finding{Name: "own rights"}
	var standby, there, creates, foreign bool
	var role, database string
	err := pool.QueryRow(ctx,
		`SELECT pg_is_in_recovery(), current_user, current_database(), to_regnamespace($1) IS NOT NULL,
		CASE WHEN to_regnamespace($1) IS NULL THEN has_database_privilege(current_database(), 'CREATE')
			ELSE has_schema_privilege(to_regnamespace($1), 'CREATE')
				AND has_schema_privilege(to_regnamespace($1), 'USAGE') END,
		EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p', 'S')
			AND NOT pg_has_role(c.relowner, 'USAGE'))`,
		schema).Scan(&standby, &role, &database, &there, &creates, &foreign)
	switch {
	case err != nil:
		return finding, err
	case standby:
		return onboarding.Failing(finding.Name, "Point database.url at the primary.",
			"the server is in recovery: it is a standby"), nil
	case !creates && there:
		return onboarding.Failing(finding.Name, fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %q TO %q;", schema, role),
			"%s may not make tables in the schema %s", role, schema), nil
	case !creates:
		return onboarding.Failing(finding.Name, fmt.Sprintf("GRANT CREATE ON DATABASE %q TO %q;", database, role),
			"%s may not make the schema %s", role, schema), nil
	case foreign:
		return onboarding.Failing(finding.Name,
			"Connect as the role that owns the tables, or make this role their owner.",
			"tables in the schema %s belong to other roles than %s", schema, role), nil
	}
	return onboarding.Passed(finding.Name, "%s keeps its tables in the schema %s", role, schema), nil
}

// checkAuditTrail says whether the role that serves can edit the audit trail.
func checkAuditTrail(
	ctx context.Context, pool *pgxpool.Pool, schema string, separate bool,
) (onboarding.Finding, error) {
	finding := onboarding.Finding{Name: "audit trail"}
	only, err := store.AppendsOnly(ctx, pool, schema)
	switch {
	case err != nil:
		return finding, err
	case only:
		return onboarding.Passed(finding.Name, "another role owns it; the bot can only append to it"), nil
	case !separate:
		return onboarding.Passed(finding.Name,
			"the bot owns it; onboardbot audit verify shows whether it was edited"), nil
	}
	return onboarding.Doubtful(finding.Name,
		"After the first start, have the role of database.owner_url own the tables: "+
			"docs/install.md §3 has the SQL.", "the role of database.url owns it, or it does not exist yet"), nil
}

// checkTables counts the migrations that are still to be applied, and those of a newer release.
func checkTables(ctx context.Context, pool *pgxpool.Pool, schema string) (onboarding.Finding, error) {
	finding := onboarding.Finding{Name: "own tables"}
	progress, err := store.Progress(ctx, pool, schema, app.Tables()...)
	switch {
	case err != nil:
		return finding, err
	case progress.Newer > 0:
		return onboarding.Doubtful(finding.Name, "Run the release that applied them, or a later one.",
			"a newer release migrated the tables: this one does not know %d of the migrations", progress.Newer), nil
	case progress.Waiting > 0:
		return onboarding.Passed(finding.Name, "the next start applies %d migrations", progress.Waiting), nil
	}
	return onboarding.Passed(finding.Name, "up to date"), nil
}

// checkDatabaseClock compares the server's clock with this machine's.
func checkDatabaseClock(ctx context.Context, pool *pgxpool.Pool, _ string) (onboarding.Finding, error) {
	finding := onboarding.Finding{Name: "own database's clock"}
	began := time.Now()
	var reported time.Time
	if err := pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&reported); err != nil {
		return finding, err
	}
	took := time.Since(began)
	return checkClock(finding.Name, reported.Sub(began.Add(took/2)), took/2), nil
}
