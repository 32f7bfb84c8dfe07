package reading

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// control has victims look for their own rows. That a session sees no row of another tenant's
// proves something only if the same kind of session sees its own: if the settings should hold
// something other than ids, every session of a check is nobody's.
type control struct {
	settings session.Settings
	model    *tenancy.Model
	scope    *setup.Scope
	truth    query.Querier
	victims  *victims.Victims
	attempts *session.Attempts
	results  *results.Collector
	// seen are the tables of which a victim saw a row of their own.
	seen map[*catalog.Relation]bool
}

// NewControl returns the check that victims see their own rows.
func NewControl(s *setup.Setup) setup.Check {
	return &control{
		s.Config.Settings, s.Model, s.Scope, s.Truth, s.Victims, s.Attempts, s.Results, map[*catalog.Relation]bool{},
	}
}

func (c *control) Run(ctx context.Context) error {
	tables := slices.DeleteFunc(slices.Clone(c.scope.Tables), func(t *catalog.Relation) bool {
		return !t.IsTable() || !t.RLS || !t.Readable() || !t.Opens(catalog.ForSelect) || !c.scope.HasRows[t] ||
			c.model.IsDirectory(t)
	})
	owned := map[*catalog.Relation]bool{}
	for _, v := range c.victims.List() {
		theirs, err := c.ownedBy(ctx, v, tables)
		if err != nil {
			return err
		}
		for _, t := range theirs {
			owned[t] = true
		}
		if err := c.look(ctx, v, theirs); err != nil {
			return err
		}
	}
	var unseen []string
	for _, t := range tables {
		if owned[t] && !c.seen[t] {
			unseen = append(unseen, t.String())
		}
	}
	switch {
	case len(unseen) == 0:
	case len(c.seen) == 0:
		c.results.LeaveOut("identity: no sampled tenant saw a row of their own, in any of %d tables: the settings "+
			"(%s) may hold something other than the ids of %s, so no session acted as a tenant", len(unseen),
			strings.Join(c.settings.Names(), ", "), c.model.Users.Table)
	default:
		for _, name := range unseen {
			c.results.LeaveOut("%s: no sampled owner saw a row of their own, so it proves nothing that others see "+
				"none; correct in isolation.tables who owns its rows, or excuse it there", name)
		}
	}
	return nil
}

// ownedBy returns the tables in which a victim has rows.
func (c *control) ownedBy(
	ctx context.Context, v tenancy.Tenant, tables []*catalog.Relation,
) ([]*catalog.Relation, error) {
	return whichHold(tables, func(sql string) (holds []bool, err error) {
		err = c.truth.QueryRow(ctx, sql).Scan(&holds)
		return holds, err
	}, func(t *catalog.Relation) string { return existsSQL(c.model, t, v) })
}

// whichHold asks one question about several tables at once, and returns those for which it holds.
func whichHold(
	tables []*catalog.Relation, ask func(sql string) ([]bool, error), question func(*catalog.Relation) string,
) ([]*catalog.Relation, error) {
	if len(tables) == 0 {
		return nil, nil
	}
	questions := make([]string, len(tables))
	for i, t := range tables {
		questions[i] = question(t)
	}
	holds, err := ask("SELECT ARRAY[" + strings.Join(questions, ", ") + "]")
	if err != nil {
		return nil, err
	}
	var found []*catalog.Relation
	for i, t := range tables {
		if holds[i] {
			found = append(found, t)
		}
	}
	return found, nil
}

func existsSQL(m *tenancy.Model, t *catalog.Relation, v tenancy.Tenant) string {
	theirs := m.OwnedBy(t, v)
	if with := tenancy.CoOwner(m, t, "a"); with != "" && !v.IsOrg() {
		theirs = fmt.Sprintf("(%s OR %s = %s)", theirs, with, query.Literal(v.ID))
	}
	if !v.IsOrg() && len(m.Of(t).Parents) > 0 { // what they wrote below another's row
		theirs = fmt.Sprintf("(%s OR %s)", theirs, m.Names(t, tenancy.Identity{Person: &v.ID}))
	}
	return fmt.Sprintf("EXISTS (SELECT FROM %s a WHERE %s)", t.SQL(), theirs)
}

// look notes the tables of which a victim sees a row of their own, in any session of theirs.
func (c *control) look(ctx context.Context, v tenancy.Tenant, tables []*catalog.Relation) error {
	sessions, err := c.victims.OwnSessions(ctx, v)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		left := slices.DeleteFunc(slices.Clone(tables), func(t *catalog.Relation) bool { return c.seen[t] })
		if err := c.lookAs(ctx, s, v, left); err != nil {
			return err
		}
	}
	return nil
}

// lookAs looks as one session. An error of one table keeps it from the others, so then it looks at
// each alone.
func (c *control) lookAs(
	ctx context.Context, s session.Session, v tenancy.Tenant, tables []*catalog.Relation,
) error {
	found, err := whichHold(tables, func(sql string) (holds []bool, err error) {
		err = c.attempts.Read(ctx, s, func(tx *session.Tx) error { return tx.QueryRow(ctx, sql).Scan(&holds) })
		return holds, err
	}, func(t *catalog.Relation) string { return c.visibleSQL(t, v) })
	if query.Lost(err) != nil {
		return err
	}
	for _, t := range found {
		c.seen[t] = true
	}
	if err == nil || len(tables) == 1 {
		return nil
	}
	for i := range tables {
		if err := c.lookAs(ctx, s, v, tables[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// visibleSQL asks whether a session sees a row of the victim's or, where it cannot tell whose a
// row is, any row.
func (c *control) visibleSQL(t *catalog.Relation, v tenancy.Tenant) string {
	if !t.CanRead(c.model.Of(t).Columns()...) || c.model.Derived(t) {
		return fmt.Sprintf("EXISTS (SELECT FROM %s)", t.SQL())
	}
	return existsSQL(c.model, t, v)
}
