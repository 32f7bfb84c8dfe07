package isolation

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding/isolation/checks"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// truthPatience is how much longer than an attempt a question to the truth may take.
const truthPatience = 6

// Checker checks one platform's database. It keeps nothing between checks.
type Checker struct {
	cfg   Config
	admin *pgxpool.Config
	app   *pgx.ConnConfig
}

// Options narrows one check.
type Options struct {
	// Tenant is a slug: only this tenant's own sessions, and those that claim its Orgs, read; the sample that writes does so against it.
	Tenant string
}

// New returns a checker, or every problem of the configuration. It does not connect.
func New(cfg Config) (*Checker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	admin, err := pgxpool.ParseConfig(cfg.DatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("database_url: %w", err)
	}
	admin.MaxConns, admin.MinConns = 2, 0
	admin.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	admin.ConnConfig.RuntimeParams["application_name"] = "onboardbot isolation"
	// The truth must be whole: with row_security off, a query that policies would thin out is an error instead.
	admin.ConnConfig.RuntimeParams["row_security"] = "off"
	// What asks for the truth must not wait for ever either, least of all for a lock of the checker's own.
	admin.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(truthPatience*cfg.Budget.StatementTimeout.Milliseconds(), 10)
	admin.ConnConfig.RuntimeParams["lock_timeout"] = strconv.FormatInt(truthPatience*cfg.Budget.LockTimeout.Milliseconds(), 10)
	// Most statements run once, and compiling one costs more than running it.
	admin.ConnConfig.RuntimeParams["jit"] = "off"
	c := &Checker{cfg: cfg, admin: admin}
	if cfg.AppDatabaseURL != "" {
		if c.app, err = pgx.ParseConfig(cfg.AppDatabaseURL); err != nil {
			return nil, fmt.Errorf("app_database_url: %w", err)
		}
		c.app.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	return c, nil
}

// Check attempts everything and returns what it found. An error means that nothing could be said; what could not be checked beside the rest
// stands in the report's coverage. Cancelling ctx ends the check with the context's error.
func (c *Checker) Check(ctx context.Context, opts Options) (*results.Report, error) {
	started := time.Now()
	r, end, err := c.begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := r.All(ctx); err != nil {
		return nil, err
	}
	return r.Summary(started), nil
}

// Ready reports whether a check could begin now. An error is one that every check would end with. What is returned beside none could
// not be read, and stands in the coverage of every report.
func (c *Checker) Ready(ctx context.Context) (leftOut []string, err error) {
	r, end, err := c.begin(ctx, Options{})
	if err != nil {
		return nil, err
	}
	defer end()
	return r.LeftOut(), nil
}

// begin connects and prepares a check. The caller ends it.
func (c *Checker) begin(ctx context.Context, opts Options) (r *checks.Run, end func(), err error) {
	admin, err := pgxpool.NewWithConfig(ctx, c.admin)
	if err != nil {
		return nil, nil, fmt.Errorf("database_url: %w", err)
	}
	r = checks.NewRun(c.cfg.checks(), admin)
	end = func() {
		r.HangUp(ctx)
		admin.Close()
	}
	if err := r.Prepare(ctx, c.admin.ConnConfig, c.app, opts.Tenant); err != nil {
		end()
		return nil, nil, err
	}
	return r, end, nil
}
