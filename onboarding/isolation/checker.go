package isolation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding/isolation/checks"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
)

const (
	// truthTimeoutFactor is how much longer than an attempt a question to the truth may take.
	truthTimeoutFactor = 6
	// truthConnections bounds the connections that ask the truth.
	truthConnections = 2
)

// Checker checks the isolation of tenants in one platform's database. It keeps nothing between
// checks.
type Checker struct {
	config Config
	truth  *pgxpool.Config
	app    *pgx.ConnConfig
}

// Options narrows one check.
type Options struct {
	// Tenant is a slug. Only this tenant's own sessions, and those that claim its Orgs, read;
	// the sample that writes attacks only this tenant. Empty: all tenants.
	Tenant string
	// Deep also tests that what tenants observe does not depend on what others do.
	Deep bool
	// Disposable is where the fixes are tried, which has to be the checked database. nil: nowhere.
	Disposable *Disposable
}

// New returns a checker, or every problem of the configuration. It does not connect.
func New(config Config) (*Checker, error) {
	config.Budget = config.Budget.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	truth, err := truthConfig(config)
	if err != nil {
		return nil, fmt.Errorf("database_url: %w", err)
	}
	app, err := pgx.ParseConfig(config.AppDatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("app_database_url: %w", err)
	}
	app.DefaultQueryExecMode = pgx.QueryExecModeExec
	return &Checker{config: config, truth: truth, app: app}, nil
}

// errNoLogin means that there is no way to log in as the app role.
var errNoLogin = errors.New("app_database_url: missing: isolation is checked in sessions that log in as app_role, " +
	"since the platform's code that they run could give up a role that was only set; add a connection string such as " +
	"postgres://platform_app:PASSWORD@db.example.com/platform")

// truthConfig is how to connect as the role that row-level security does not apply to.
func truthConfig(config Config) (*pgxpool.Config, error) {
	truth, err := pgxpool.ParseConfig(config.DatabaseURL)
	if err != nil {
		return nil, err
	}
	truth.MaxConns, truth.MinConns = truthConnections, 0
	truth.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(truthTimeoutFactor*d.Milliseconds(), 10) }
	parameters := truth.ConnConfig.RuntimeParams
	parameters["application_name"] = "onboardbot isolation"
	// The truth runs nothing of the platform's. What the planner may evaluate all the same, such
	// as an immutable function in the condition of an index, can change nothing.
	parameters["default_transaction_read_only"] = "on"
	parameters["search_path"] = "pg_catalog, pg_temp"
	// The truth must be whole: with row_security off, a query that policies would filter fails
	// instead.
	parameters["row_security"] = "off"
	// Questions to the truth must not wait for ever, least of all for a lock of the checker's
	// own.
	parameters["statement_timeout"] = milliseconds(config.Budget.StatementTimeout)
	parameters["lock_timeout"] = milliseconds(config.Budget.LockTimeout)
	// Most statements run once, and compiling one costs more than running it.
	parameters["jit"] = "off"
	return truth, nil
}

// Check attempts everything and returns what it found. An error means that the check failed to
// run. What could not be checked beside the rest is recorded in the report's coverage.
// Cancelling ctx ends the check with the context's error. With [Options.Tenant], an error that
// wraps pgx.ErrNoRows says that there is no such tenant.
func (c *Checker) Check(ctx context.Context, options Options) (*Report, error) {
	started := time.Now()
	s, end, err := c.begin(ctx, options)
	if err != nil {
		return nil, err
	}
	defer end()
	var owner *pgx.ConnConfig
	if options.Disposable != nil {
		if owner, err = options.Disposable.owner(ctx); err != nil {
			return nil, fmt.Errorf("the fixes cannot be tried: %w", err)
		}
	}
	if err := checks.Run(ctx, s); err != nil {
		return nil, err
	}
	if owner != nil {
		if err := checks.TryFixes(ctx, s, owner); err != nil {
			return nil, err
		}
	}
	report := checks.Report(s, started)
	report.Accept(c.config.Accept, started)
	return report, nil
}

// Ready reports whether a check could run now. An error is one that every check would end with.
// leftOut is what could not be read, and will be recorded in the coverage of every report.
func (c *Checker) Ready(ctx context.Context) (leftOut []string, err error) {
	s, end, err := c.begin(ctx, Options{})
	if err != nil {
		return nil, err
	}
	defer end()
	return s.Results.LeftOut(), nil
}

// begin connects and prepares a check. The caller ends it.
func (c *Checker) begin(ctx context.Context, options Options) (s *setup.Setup, end func(), err error) {
	if c.config.AppDatabaseURL == "" {
		return nil, nil, errNoLogin
	}
	truth, err := pgxpool.NewWithConfig(ctx, c.truth)
	if err != nil {
		return nil, nil, fmt.Errorf("database_url: %w", err)
	}
	s, err = setup.Prepare(ctx, setup.Platform{Truth: truth, App: c.app}, c.config.checks(options.Deep),
		options.Tenant)
	if err != nil {
		truth.Close()
		return nil, nil, err
	}
	return s, func() {
		s.Close(ctx)
		truth.Close()
	}, nil
}
