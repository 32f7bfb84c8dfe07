package checks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/time/rate"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// run is one check under way.
type Run struct {
	*results.Collector
	cfg     Config
	admin   *pgxpool.Pool
	dialer  *session.Dialer
	inside  *session.Dialer // for what the truth has to look at from inside an attacker's transaction
	m       *tenancy.Model
	budget  *rate.Limiter
	victims []tenancy.Tenant
	roles   []string // that the app role can become
	tables  []*catalog.Relation
	filled  map[*catalog.Relation]bool // holds rows that are somebody's
	anyone  []session.Session          // the sample of attackers
	against map[tenancy.Tenant][]session.Session
	conns   map[session.Shape]*pgx.Conn
	spoilt  map[*pgx.Conn]bool
	peeks   map[*pgx.Conn]map[string]string // names of prepared statements, by their SQL
	persons map[string]session.Session      // known by sessionOf
	openers map[string]int                  // values of other settings that opened reads
	tunable map[string]bool                 // the server's own settings that are anybody's to choose
	smalls  map[*catalog.Relation]bool
	peeked  map[*catalog.Relation]string // without policies, and read by a role
	tired   map[*catalog.Relation]int    // how often a read took too long
	ownRows map[string]*target
	aliases []string // names by which victims are known
	tenant  string   // id of the single tenant, or empty
}

func NewRun(cfg Config, admin *pgxpool.Pool) *Run {
	return &Run{
		Collector: results.NewCollector(), cfg: cfg, admin: admin,
		budget: rate.NewLimiter(rate.Limit(cfg.Budget.ChecksPerSecond), max(cfg.Budget.ChecksPerSecond/10, 1)),
		filled: map[*catalog.Relation]bool{}, against: map[tenancy.Tenant][]session.Session{}, conns: map[session.Shape]*pgx.Conn{}, spoilt: map[*pgx.Conn]bool{}, peeks: map[*pgx.Conn]map[string]string{},
		persons: map[string]session.Session{}, smalls: map[*catalog.Relation]bool{}, openers: map[string]int{}, tunable: map[string]bool{}, tired: map[*catalog.Relation]int{}, peeked: map[*catalog.Relation]string{}, ownRows: map[string]*target{},
	}
}

// all tries every check. What fails by itself is left out; the error is the context's.
func (r *Run) All(ctx context.Context) error {
	for _, stage := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"roles", r.checkRole},
		{"sessions without an identity", r.checkNobody},
		{"reads", r.CheckReads},
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
				return fmt.Errorf("check cancelled: %w", context.Cause(ctx))
			}
			r.LeaveOut("%s: %s", stage.name, query.Describe(err))
		}
	}
	return nil
}

// summary is the report of what was found.
func (r *Run) Summary(started time.Time) *results.Report {
	r.cover()
	r.fold()
	r.Coverage.Started, r.Coverage.Seconds = started.UTC(), time.Since(started).Seconds()
	return r.Report()
}

// prepare learns everything that the attempts rest on.
func (r *Run) Prepare(ctx context.Context, truth, app *pgx.ConnConfig, tenant string) error {
	var err error
	if r.dialer, err = session.Connect(ctx, r.admin, &session.Dialer{Role: r.cfg.AppRole, Budget: r.cfg.Budget, Admin: truth, App: app}); err != nil {
		return err
	}
	if r.inside = r.dialer; r.dialer.Member {
		inside := *r.dialer
		inside.App = nil
		r.inside = &inside
	}
	conn, err := r.admin.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("database_url: %w", err)
	}
	defer conn.Release()
	cat, err := catalog.Load(ctx, conn, r.cfg.AppRole)
	if err != nil {
		return fmt.Errorf("read the catalogue: %w", err)
	}
	if r.m, err = tenancy.Discover(ctx, conn, cat, r.cfg.Tenancy); err != nil {
		return err
	}
	for _, note := range r.m.Notes {
		r.Note("%s", note)
	}
	if tenant != "" {
		if r.tenant, err = r.m.TenantID(ctx, conn, tenant); err != nil {
			return err
		}
	}
	if r.roles, err = reachableRoles(ctx, conn, r.cfg.AppRole, cat.Version); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	if err := r.reachesMore(ctx, conn); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	tunable, err := query.Strings(ctx, conn, "SELECT name FROM pg_settings WHERE context = 'user' AND vartype = 'string' AND name NOT IN ('role', 'session_authorization', 'search_path')")
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	for _, name := range tunable {
		r.tunable[name] = true
	}
	r.selectTables()
	for _, t := range r.tables {
		var filled bool
		sql := fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s IS NOT NULL)", t.SQL(), r.m.Owner(t, "a"))
		if err := query.One(ctx, conn, sql, nil, &filled); err != nil && !t.IsView() && t.Kind != "f" {
			r.LeaveOut("%s: %s", t, query.Describe(err))
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
func (r *Run) selectTables() {
	r.m.MarkDirectories()
	for _, t := range r.m.Cat.Relations {
		if excuse := r.cfg.Tenancy.Tables[t.String()].Excuse; excuse != "" {
			r.Coverage.Excused = append(r.Coverage.Excused, fmt.Sprintf("%s: %s", t, excuse))
			continue
		}
		o := r.m.Of(t)
		if o.Class == tenancy.ClassUnclassified && t.Reachable() {
			r.Coverage.Unclassified = append(r.Coverage.Unclassified, fmt.Sprintf("%s: %s", t, o.Why))
		}
		if o.Owned() && (t.Reachable() || t.Elsewhere) {
			r.tables = append(r.tables, t)
		}
	}
}

// spared reports that the configuration excuses a table from attempts to write.
func (r *Run) writesExcluded(t *catalog.Relation) bool {
	table := r.cfg.Tenancy.Tables[t.String()]
	return table.SkipWrites || table.Excuse != ""
}

// limit waits until the budget allows so many checks.
func (r *Run) limit(ctx context.Context, checks int) error {
	for checks > 0 {
		n := min(checks, r.budget.Burst())
		if err := r.budget.WaitN(ctx, n); err != nil {
			return err
		}
		checks -= n
	}
	return nil
}

// cover sums up what the report rests on.
func (r *Run) cover() {
	operations := map[string]bool{}
	r.Coverage.Tables = len(r.tables)
	for _, t := range r.m.Cat.Relations {
		o := r.m.Of(t)
		c := results.Covered{Table: t.String(), Class: string(o.Class), Why: o.Why}
		for operation := range r.Operations[t.String()] {
			operations[operation] = true
			c.Tried = append(c.Tried, operation)
		}
		slices.Sort(c.Tried)
		switch {
		case !t.Reachable() && !t.Elsewhere && o.Owned():
			c.Reason = "the app role has no rights to it"
		case o.Owned():
			c.Empty = !r.filled[t] && !t.IsView() && t.Kind != "f"
		}
		r.Coverage.Detail = append(r.Coverage.Detail, c)
	}
	for operation := range operations {
		r.Coverage.Operations = append(r.Coverage.Operations, operation)
	}
	slices.Sort(r.Coverage.Operations)
	r.Coverage.Tenants = r.Coverage.Persons + r.Coverage.Orgs
}
