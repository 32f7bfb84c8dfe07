package views

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// views looks for what reads of views do not show: conditions that are no barrier, and writes
// through views.
type views struct {
	model    *tenancy.Model
	scope    *setup.Scope
	sample   []session.Session
	victims  *victims.Victims
	rows     *victims.Rows
	attempts *session.Attempts
	prover   *proof.Prover
	fixes    *fixes.Writer
	results  *results.Collector

	irreversible *setup.Irreversible
}

// New returns the check.
func New(s *setup.Setup) setup.Check {
	return &views{
		s.Model, s.Scope, s.Victims.Sample(), s.Victims, s.Rows, s.Attempts, s.Prover, s.Fixes, s.Results,
		s.Irreversible,
	}
}

func (c *views) Run(ctx context.Context) error {
	for _, t := range c.scope.Tables {
		if t.Kind != catalog.View {
			continue
		}
		leaky := !t.Option("security_invoker") && !t.Option("security_barrier")
		if t.Readable() && leaky && c.irreversible.Definitions() == "" && !c.results.Leaks(t.String(), results.Read) {
			if err := c.probeLeakyView(ctx, t); err != nil {
				return err
			}
		}
		if !c.scope.SkipsWrites(t) {
			if err := c.writeThrough(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// createProbe creates a function that every session may create for itself and that remembers its
// arguments. Its cost is so low that the planner calls it before the view's own conditions,
// unless the view is a security barrier (PostgreSQL manual, Rules and Privileges).
const createProbe = `SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_indexonlyscan = off;
SELECT set_config('onboardbot.seen', '', true);
CREATE FUNCTION pg_temp.probe(v anyelement) RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0000001 AS $$ BEGIN
IF length(current_setting('onboardbot.seen')) < 8000 AND v IS NOT NULL THEN
PERFORM set_config('onboardbot.seen', current_setting('onboardbot.seen') || E'\n' || v::text, true);
END IF; RETURN true; END $$`

// probeSessions is how many sessions of the sample probe a view.
const probeSessions = 4

// probeLeakyView proves that a view without a barrier passes rows to a cheap function before it
// drops them.
func (c *views) probeLeakyView(ctx context.Context, t *catalog.Relation) error {
	for _, s := range c.sample[:min(probeSessions, len(c.sample))] {
		for _, name := range c.model.Of(t).Columns() {
			if column := t.Column(name); column == nil || !column.Select {
				continue
			}
			p := probed{view: t, column: name, session: s}
			var err error
			p.values, err = c.probe(ctx, s, t, name)
			if query.Lost(err) != nil {
				return err
			}
			if err != nil {
				continue
			}
			owner, err := c.foreignOwner(ctx, p)
			if err != nil {
				return err
			}
			if owner != "" {
				c.results.Add(results.Finding{
					Kind: results.Leak, Operation: results.Read, Table: t.String(), As: s.Label,
					Evidence: fmt.Sprintf("read values of %s by a function of the session's own, which the view "+
						"calls before its own condition", owner),
					Fix: c.fixes.SecurityBarrier(t),
				})
				return nil
			}
		}
	}
	return nil
}

// probe returns the values of a column that a view passes to a session's function.
func (c *views) probe(ctx context.Context, s session.Session, t *catalog.Relation, column string) ([]string, error) {
	var seen string
	err := c.attempts.Write(ctx, s, func(tx *session.Tx) error {
		if err := tx.Exec(ctx, createProbe); err != nil {
			return err
		}
		var n int
		err := tx.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s a WHERE pg_temp.probe(%s)", t.SQL(),
			query.Column("a", column))).Scan(&n)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT current_setting('onboardbot.seen')").Scan(&seen)
	})
	return strings.Fields(seen), err
}

// probed are the values of a column that a view passed to a session's function.
type probed struct {
	view    *catalog.Relation
	column  string
	values  []string
	session session.Session
}

// foreignOwner returns the owner of a value that is not the session's to know, or nothing.
func (c *views) foreignOwner(ctx context.Context, p probed) (string, error) {
	o, i, column, values := c.model.Of(p.view), p.session.Identity, p.column, p.values
	for _, v := range values {
		tenant := tenancy.Tenant{ID: v}
		switch {
		case slices.Contains(o.Persons, column) && i.Person != nil && !slices.Contains(i.CoMembers, v):
			tenant.Kind = tenancy.Person
		case !slices.Contains(o.Persons, column) && slices.Contains(o.Orgs, column):
			tenant.Kind = tenancy.Org
		case slices.Contains(o.Either, column) && !i.Is(tenancy.Tenant{Kind: tenancy.Person, ID: v}) &&
			!slices.Contains(i.CoMembers, v):
			tenant.Kind = tenancy.Org
		default:
			continue
		}
		if !i.Is(tenant) {
			return tenant.String(), nil
		}
	}
	for _, parent := range o.Parents {
		if parent.Columns[0] != column || len(values) == 0 {
			continue
		}
		found, err := c.prover.ForeignParent(ctx, parent, values, i)
		if err != nil {
			return "", err
		}
		if found != nil {
			return found.Owner, nil
		}
	}
	return "", nil
}
