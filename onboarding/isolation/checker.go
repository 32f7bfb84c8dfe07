package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/time/rate"
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

// run is one check under way.
type run struct {
	*ledger
	cfg     Config
	admin   *pgxpool.Pool
	door    *door
	inside  *door // for what the truth has to look at from inside an attacker's transaction
	m       *model
	budget  *rate.Limiter
	victims []victim
	roles   []string // that the app role can become
	tables  []*relation
	filled  map[*relation]bool // holds rows that are somebody's
	anyone  []session          // the sample of attackers
	against map[victim][]session
	conns   map[shape]*pgx.Conn
	spoilt  map[*pgx.Conn]bool
	peeks   map[*pgx.Conn]map[string]string // names of prepared statements, by their SQL
	persons map[string]session              // known by sessionOf
	openers map[string]int                  // values of other settings that opened reads
	tunable map[string]bool                 // the server's own settings that are anybody's to choose
	smalls  map[*relation]bool
	peeked  map[*relation]string // without policies, and read by a role
	tired   map[*relation]int    // how often a read took too long
	ownRows map[string]*target
	aliases []string // names by which victims are known
	only    string   // id of the single tenant, or empty
}

func newRun(c *Checker, admin *pgxpool.Pool) *run {
	return &run{
		ledger: &ledger{tried: map[string]map[string]bool{}}, cfg: c.cfg, admin: admin,
		budget: rate.NewLimiter(rate.Limit(c.cfg.Budget.ChecksPerSecond), max(c.cfg.Budget.ChecksPerSecond/10, 1)),
		filled: map[*relation]bool{}, against: map[victim][]session{}, conns: map[shape]*pgx.Conn{}, spoilt: map[*pgx.Conn]bool{}, peeks: map[*pgx.Conn]map[string]string{},
		persons: map[string]session{}, smalls: map[*relation]bool{}, openers: map[string]int{}, tunable: map[string]bool{}, tired: map[*relation]int{}, peeked: map[*relation]string{}, ownRows: map[string]*target{},
	}
}

// Check attempts everything and returns what it found. An error means that nothing could be said; what could not be checked beside the rest
// stands in the report's coverage. Cancelling ctx ends the check with the context's error.
func (c *Checker) Check(ctx context.Context, opts Options) (*Report, error) {
	started := time.Now()
	r, end, err := c.begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer end()
	for _, stage := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"roles", r.checkRole},
		{"sessions without an identity", r.checkNobody},
		{"reads", r.checkReads},
		{"writes", r.checkWrites},
		{"triggers", r.checkTriggers},
		{"views", r.checkViews},
		{"functions", r.checkFunctions},
		{"temporary objects", r.checkShadows},
		{"trust", r.checkTrust},
		{"large objects", r.checkLargeObjects},
		{"catalogue", r.checkCatalogue},
	} {
		if err := stage.do(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("check cancelled: %w", context.Cause(ctx))
			}
			r.leaveOut("%s: %s", stage.name, describe(err))
		}
	}
	r.cover()
	r.fold(r.m.cat, r.appSQL())
	r.coverage.Started, r.coverage.Seconds = started.UTC(), time.Since(started).Seconds()
	return r.report(), nil
}

// Ready reports whether a check could begin now. An error is one that every check would end with. What is returned beside none could
// not be read, and stands in the coverage of every report.
func (c *Checker) Ready(ctx context.Context) (leftOut []string, err error) {
	r, end, err := c.begin(ctx, Options{})
	if err != nil {
		return nil, err
	}
	defer end()
	return r.coverage.LeftOut, nil
}

// begin connects and prepares a check. The caller ends it.
func (c *Checker) begin(ctx context.Context, opts Options) (r *run, end func(), err error) {
	admin, err := pgxpool.NewWithConfig(ctx, c.admin)
	if err != nil {
		return nil, nil, fmt.Errorf("database_url: %w", err)
	}
	r = newRun(c, admin)
	end = func() {
		r.hangUp(ctx)
		admin.Close()
	}
	if err := r.prepare(ctx, c, opts); err != nil {
		end()
		return nil, nil, err
	}
	return r, end, nil
}

// prepare learns everything that the attempts rest on.
func (r *run) prepare(ctx context.Context, c *Checker, opts Options) error {
	var err error
	if r.door, err = openDoor(ctx, r.admin, c); err != nil {
		return err
	}
	if r.inside = r.door; r.door.member {
		inside := *r.door
		inside.app = nil
		r.inside = &inside
	}
	conn, err := r.admin.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("database_url: %w", err)
	}
	defer conn.Release()
	cat, err := loadCatalogue(ctx, conn, r.cfg.AppRole)
	if err != nil {
		return fmt.Errorf("read the catalogue: %w", err)
	}
	if r.m, err = discover(ctx, conn, cat, r.cfg); err != nil {
		return err
	}
	for _, note := range r.m.notes {
		r.note("%s", note)
	}
	if opts.Tenant != "" {
		if r.only, err = r.m.tenantID(ctx, conn, opts.Tenant); err != nil {
			return err
		}
	}
	if r.roles, err = reachableRoles(ctx, conn, r.cfg.AppRole, cat.Version); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	if err := r.reachesMore(ctx, conn); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	tunable, err := texts(ctx, conn, "SELECT name FROM pg_settings WHERE context = 'user' AND vartype = 'string' AND name NOT IN ('role', 'session_authorization', 'search_path')")
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	for _, name := range tunable {
		r.tunable[name] = true
	}
	r.selectTables()
	for _, t := range r.tables {
		var filled bool
		sql := fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s IS NOT NULL)", t.SQL(), r.m.owner(t, "a"))
		if err := one(ctx, conn, sql, nil, &filled); err != nil && !t.isView() && t.Kind != "f" {
			r.leaveOut("%s: %s", t, describe(err))
		}
		r.filled[t] = filled
	}
	if r.victims, err = r.chooseVictims(ctx, conn); err != nil {
		return fmt.Errorf("choose victims: %w", err)
	}
	if r.aliases, err = r.victimNames(ctx, conn); err != nil {
		return fmt.Errorf("choose victims: %w", err)
	}
	return nil
}

// selectTables lists the relations that are somebody's and that the app role can reach.
func (r *run) selectTables() {
	r.markDirectories()
	for _, t := range r.m.cat.Relations {
		if excuse := r.cfg.Tables[t.String()].Excuse; excuse != "" {
			r.coverage.Excused = append(r.coverage.Excused, fmt.Sprintf("%s: %s", t, excuse))
			continue
		}
		o := r.m.of(t)
		if o.Class == classUnclassified && t.reachable() {
			r.coverage.Unclassified = append(r.coverage.Unclassified, fmt.Sprintf("%s: %s", t, o.Why))
		}
		if o.owned() && (t.reachable() || t.Elsewhere) {
			r.tables = append(r.tables, t)
		}
	}
}

// spared reports that the configuration excuses a table from attempts to write.
func (r *run) spared(t *relation) bool {
	table := r.cfg.Tables[t.String()]
	return table.SkipWrites || table.Excuse != ""
}

// limit waits until the budget allows so many checks.
func (r *run) limit(ctx context.Context, checks int) error {
	for checks > 0 {
		n := min(checks, r.budget.Burst())
		if err := r.budget.WaitN(ctx, n); err != nil {
			return err
		}
		checks -= n
	}
	return nil
}

// errRowSecurity means that policies hide rows from the truth itself.
var errRowSecurity = errors.New("its role is neither superuser nor has BYPASSRLS, so policies would hide rows from it")

func openDoor(ctx context.Context, admin *pgxpool.Pool, c *Checker) (*door, error) {
	d := &door{cfg: c.cfg, admin: c.admin.ConnConfig.Copy(), app: c.app}
	d.admin.DefaultQueryExecMode = pgx.QueryExecModeExec
	for _, own := range []string{"row_security", "statement_timeout", "lock_timeout"} {
		delete(d.admin.RuntimeParams, own)
	}
	var bypass, exists bool
	err := one(ctx, admin, `SELECT rolname::text, rolsuper, rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
		EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'MEMBER')) FROM pg_roles WHERE rolname = current_user`,
		[]any{c.cfg.AppRole}, &d.truth, &d.super, &bypass, &exists, &d.member)
	switch {
	case err != nil:
		return nil, fmt.Errorf("database_url: %w", err)
	case !exists:
		return nil, fmt.Errorf("app_role: no role %q", c.cfg.AppRole)
	case !bypass:
		return nil, fmt.Errorf("database_url: %w", errRowSecurity)
	case c.app == nil && !d.member:
		return nil, fmt.Errorf("app_role: database_url's role may not become %q: grant it, or set app_database_url", c.cfg.AppRole)
	}
	if d.defaults, err = roleDefaults(ctx, admin, c.cfg.AppRole); err != nil {
		return nil, err
	}
	conn, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var role string
	if err := one(ctx, conn, "SELECT current_user::text", nil, &role); err != nil {
		return nil, err
	}
	if role != c.cfg.AppRole {
		return nil, fmt.Errorf("app_database_url: logs in as %q, not as app_role %q", role, c.cfg.AppRole)
	}
	return d, nil
}

// roleDefaults are the settings that a login as the role would start with.
func roleDefaults(ctx context.Context, q querier, role string) ([]setting, error) {
	var defaults []setting
	err := each(ctx, q, `SELECT split_part(s, '=', 1), substr(s, strpos(s, '=') + 1) FROM pg_db_role_setting d, unnest(d.setconfig) s
		WHERE d.setrole = (SELECT oid FROM pg_roles WHERE rolname = $1) AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
		ORDER BY d.setdatabase`, []any{role}, func(rows pgx.Rows) error {
		var s setting
		if err := rows.Scan(&s.Name, &s.Value); err != nil {
			return err
		}
		defaults = append(defaults, s)
		return nil
	})
	return defaults, err
}

// cover sums up what the report rests on.
func (r *run) cover() {
	operations := map[string]bool{}
	r.coverage.Tables = len(r.tables)
	for _, t := range r.m.cat.Relations {
		o := r.m.of(t)
		c := Covered{Table: t.String(), Class: string(o.Class), Why: o.Why}
		for operation := range r.tried[t.String()] {
			operations[operation] = true
			c.Tried = append(c.Tried, operation)
		}
		slices.Sort(c.Tried)
		switch {
		case !t.reachable() && !t.Elsewhere && o.owned():
			c.Reason = "the app role has no rights to it"
		case o.owned():
			c.Empty = !r.filled[t] && !t.isView() && t.Kind != "f"
		}
		r.coverage.Detail = append(r.coverage.Detail, c)
	}
	for operation := range operations {
		r.coverage.Operations = append(r.coverage.Operations, operation)
	}
	slices.Sort(r.coverage.Operations)
	r.coverage.Tenants = r.coverage.Persons + r.coverage.Orgs
}
