package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// maxLosses is how many losses a trial names.
const maxLosses = 3

// Config is what trials rest on.
type Config struct {
	// Owner logs in as the owner of the schema, to the database that was checked.
	Owner *pgx.ConnConfig
	// Truth is a connection to that database.
	Truth    query.Querier
	AppRole  string
	Settings session.Settings
	Budget   session.Budget
	Model    *tenancy.Model
	// Tables hold tenants' rows, which the sessions in Own look for as their owners.
	Tables []*catalog.Relation
	Own    []session.Session
}

// Run sets the trial of each finding that has a fix. The error is the context's.
func Run(ctx context.Context, config Config, findings []results.Finding) error {
	why := config.refuse(ctx)
	var all []string
	for _, f := range findings {
		if isStatement(f.Fix) {
			all = append(all, f.Fix)
		}
	}
	for i := range findings {
		f := &findings[i]
		switch {
		case !isStatement(f.Fix):
		case why != nil:
			f.Trial = untried(query.Describe(why))
		default:
			f.Trial = config.try(ctx, f, all)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("check cancelled: %w", context.Cause(ctx))
		}
	}
	return nil
}

// isStatement tells SQL from advice, which is a comment.
func isStatement(fix string) bool { return fix != "" && !strings.HasPrefix(fix, "--") }

const databaseSQL = `
SELECT pg_postmaster_start_time()::text || (SELECT oid FROM pg_database WHERE datname = current_database())`

var (
	errElsewhere = errors.New("owner_database_url names a database other than the one that was checked")
	errLocked    = errors.New("what it changes is locked by another session")
)

// refuse returns why nothing can be tried.
func (c Config) refuse(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, c.Owner)
	if err != nil {
		return fmt.Errorf("owner_database_url: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var here, checked string
	var may bool
	if err := c.Truth.QueryRow(ctx, databaseSQL).Scan(&checked); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, databaseSQL).Scan(&here); err != nil {
		return err
	}
	if here != checked {
		return errElsewhere
	}
	err = conn.QueryRow(ctx, "SELECT pg_has_role(current_user, $1, 'MEMBER')", c.AppRole).Scan(&may)
	if err == nil && !may {
		err = fmt.Errorf("the login of owner_database_url may not become the app role: GRANT %s TO %s",
			query.Name(c.AppRole), query.Name(c.Owner.User))
	}
	return err
}

func untried(why string) *results.Trial { return &results.Trial{Outcome: results.Untried, Why: why} }

// try tries the fix of a finding and, where it fails, all fixes together: what leaks through
// another hole too stays open until that is closed as well.
func (c Config) try(ctx context.Context, f *results.Finding, all []string) *results.Trial {
	if f.Kind == results.Leak && f.Script == "" {
		return untried("its proof takes more than one transaction")
	}
	before, err := c.observe(ctx, f, "")
	switch {
	case err != nil:
		return untried(query.Describe(err))
	case f.Kind == results.Leak && !before.proof.shows():
		return untried("a session that the owner opens does not show the leak")
	}
	alone := c.apply(ctx, f, before, f.Fix)
	if alone.Outcome != results.Fails || len(all) == 1 {
		return alone
	}
	switch together := c.apply(ctx, f, before, strings.Join(all, "\n")); together.Outcome {
	case results.Closes:
		return &results.Trial{Outcome: results.Together}
	case results.Costs:
		together.Why += " (tried together with the fixes of the other findings)"
		return together
	}
	return alone
}

// apply compares what sessions reach with a fix with what they reached before.
func (c Config) apply(ctx context.Context, f *results.Finding, before *observation, fix string) *results.Trial {
	after, err := c.observe(ctx, f, fix)
	switch {
	case errors.Is(err, errLocked):
		return untried(err.Error())
	case err != nil:
		return &results.Trial{Outcome: results.Fails, Why: "it was refused: " + query.Describe(err)}
	case f.Kind == results.Leak && !before.proof.closedBy(after.proof) && after.proof.state == "" &&
		!slices.Equal(before.proof.steps, after.proof.steps):
		return untried("the proof returns other rows afterwards, and does not tell whose they are")
	case f.Kind == results.Leak && !before.proof.closedBy(after.proof):
		return &results.Trial{Outcome: results.Fails, Why: "the statements still show the leak"}
	}
	if lost := before.lost(after); len(lost) > 0 {
		if more := len(lost) - maxLosses; more > 0 {
			lost = append(lost[:maxLosses], fmt.Sprintf("and %d more", more))
		}
		return &results.Trial{Outcome: results.Costs, Why: strings.Join(lost, "; ")}
	}
	if f.Kind == results.Leak {
		return &results.Trial{Outcome: results.Closes}
	}
	return &results.Trial{Outcome: results.Applies}
}

// observation is what sessions reached.
type observation struct {
	proof outcome
	// own are the answers to questions about tenants' own rows, in order.
	own []answer
	// calls are the functions that the app role may call.
	calls []string
}

// answer is what a session could do with its own rows of a table.
type answer struct{ operation, table, as, said string }

// lost says what tenants could do before and could not do afterwards, or did otherwise: an example
// for each operation on each table.
func (o *observation) lost(after *observation) []string {
	var lost []string
	for _, call := range o.calls {
		if !slices.Contains(after.calls, call) {
			lost = append(lost, "calls of "+call)
		}
	}
	named := map[string]bool{}
	for i, was := range o.own {
		now, what := after.own[i].said, was.operation+" of "+was.table
		if now == was.said || named[what] {
			continue
		}
		named[what] = true
		lost = append(lost, fmt.Sprintf("%s by %s (%s before, %s afterwards)", what, was.as, was.said, now))
	}
	return lost
}
