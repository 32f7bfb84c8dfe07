package views

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// writeThrough attempts writes through a view, which run with its owner's rights unless it is
// security_invoker.
func (c *views) writeThrough(ctx context.Context, t *catalog.Relation) error {
	for _, v := range c.victims.List() {
		condition, err := c.ownedThrough(ctx, t, v)
		if err != nil {
			return err
		}
		if condition == "" {
			continue
		}
		statements, err := c.statements(ctx, t, v, condition)
		if err != nil {
			return err
		}
		attackers, err := c.victims.Attackers(ctx, v)
		if err != nil {
			return err
		}
		for _, s := range attackers {
			if edits, err := c.edits(ctx, t, v, s); edits || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			reassignments, err := c.reassignments(ctx, t, v, s)
			if err != nil {
				return err
			}
			shares, err := c.shares(ctx, t, v, s)
			if err != nil {
				return err
			}
			for _, st := range slices.Concat(statements, reassignments) {
				if st.operation == results.Delete && shares {
					continue // their own row may be the one that is gone
				}
				if err := c.try(ctx, st, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// edits reports whether a row of a victim's, in a table of a view, is shared with a session that
// may change it.
func (c *views) edits(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, s session.Session) (bool, error) {
	m := c.model
	for _, base := range c.scope.OwnedTables() {
		shared := tenancy.Shared(m, tenancy.ToWrite).With(m.IdentitySQL(s.Identity), base, "a")
		if shared == "" || !t.DefinedOn(base) {
			continue
		}
		row, err := c.rows.Any(ctx, base, base.ColumnNames(), m.OwnedBy(base, v)+" AND "+shared)
		if row != nil || err != nil {
			return true, err
		}
	}
	return false, nil
}

// shares reports whether a victim may have rows of a view together with a session, as the customer
// and the shop have an order.
func (c *views) shares(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, s session.Session) (bool, error) {
	m, me := c.model, s.Identity.Person
	for _, base := range c.scope.OwnedTables() {
		with := tenancy.CoOwner(m, base, "a")
		if with == "" || me == nil || !t.DefinedOn(base) {
			continue
		}
		if !v.IsOrg() {
			return true, nil // an attack on the Org tries the same rows
		}
		row, err := c.rows.Any(ctx, base, base.ColumnNames(), fmt.Sprintf("%s AND %s = %s", m.OwnedBy(base, v), with,
			query.Literal(*me)))
		if row != nil || err != nil {
			return true, err
		}
	}
	return false, nil
}

// ownedThrough is the condition, on the alias a, that a view's row is a victim's. It is empty
// where no column says so.
func (c *views) ownedThrough(ctx context.Context, t *catalog.Relation, v tenancy.Tenant) (string, error) {
	m := c.model
	o := m.Of(t)
	is := func(column, value string) string {
		return query.Column("a", column) + "::text = " + query.Literal(value)
	}
	switch {
	case v.IsOrg() && len(o.Orgs) > 0:
		return is(o.Orgs[0], v.ID), nil
	case !v.IsOrg() && len(o.Persons) > 0:
		return is(o.Persons[0], v.ID), nil
	case len(o.Either) > 0:
		return is(o.Either[0], v.ID), nil
	case o.Direct() || len(o.Parents) == 0:
		return "", nil
	}
	p := o.Parents[0]
	row, err := c.rows.Any(ctx, p.Table, p.TargetCols, m.OwnedBy(p.Table, v))
	if err != nil || len(row) == 0 || row[0] == nil {
		return "", err
	}
	return is(p.Columns[0], *row[0]), nil
}

// viewWrite is one write through a view to a victim's row.
type viewWrite struct {
	view      *catalog.Relation
	victim    tenancy.Tenant
	operation results.Operation
	sql       string
}

func (c *views) statements(
	ctx context.Context, t *catalog.Relation, v tenancy.Tenant, condition string,
) ([]viewWrite, error) {
	var list []viewWrite
	if column := c.scope.Harmless(t); column != nil {
		sql := fmt.Sprintf("UPDATE %s a SET %s = %s WHERE %s", t.SQL(), query.Name(column.Name), anyValue(column),
			condition)
		list = append(list, viewWrite{t, v, results.Update, sql})
	}
	if t.Deletable() {
		list = append(list, viewWrite{t, v, results.Delete,
			fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), condition)})
	}
	if t.Insertable() {
		values, err := c.values(ctx, t, v)
		if err != nil {
			return nil, err
		}
		if insert := c.rows.Insert(t, values, victims.NewKeys); insert.SQL != "" {
			list = append(list, viewWrite{t, v, results.Insert, insert.SQL})
		}
	}
	return list, nil
}

func (c *views) try(ctx context.Context, v viewWrite, s session.Session) error {
	t := v.view
	if c.results.Leaks(t.String(), v.operation) || c.scope.WritesExcluded(t, v.operation) {
		return nil
	}
	c.results.CountWrite()
	c.results.Tried(t.String(), v.operation)
	err := c.attempts.Write(ctx, s, func(tx *session.Tx) error {
		n, err := tx.Affected(ctx, v.sql)
		if err != nil || n == 0 {
			return err
		}
		evidence := fmt.Sprintf("deleted %d rows of %s through the view", n, v.victim)
		if v.operation != results.Delete {
			if evidence, err = c.written(ctx, tx, v); err != nil || evidence == "" {
				return err
			}
		}
		c.results.Add(results.Finding{
			Kind: results.Leak, Operation: v.operation, Table: t.String(), As: s.Label, Evidence: evidence,
			Fix: c.fixes.Close(t, v.operation),
		})
		return nil
	})
	return query.Lost(err)
}

// written describes the foreign row that a write put into a table of the view. It is empty if
// there is none.
func (c *views) written(ctx context.Context, tx *session.Tx, v viewWrite) (string, error) {
	for _, base := range c.scope.OwnedTables() {
		if !v.view.DefinedOn(base) {
			continue
		}
		if !base.Readable() {
			change, err := c.prover.ChangedInView(ctx, tx, proof.VictimRows{Victim: v.victim, Table: base})
			if err != nil {
				return "", err
			}
			if change != nil {
				return "wrote " + change.What, nil
			}
			continue
		}
		found, err := c.prover.Written(ctx, tx, proof.Write{Victim: v.victim, Table: base, By: tenancy.Placed})
		if err != nil {
			return "", err
		}
		if found != nil {
			return fmt.Sprintf("wrote %s %s of %s through the view", base, found.Key, found.Owner), nil
		}
	}
	return "", nil
}
