package checks

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// deletes deletes the victim's row, and without WHERE.
type deletes struct{ w *writer }

func (d *deletes) try(ctx context.Context, a attempt) error {
	if a.target.Place == "" || d.w.ownMembership(a) {
		return nil
	}
	for _, where := range d.w.aims(ctx, a) {
		err := d.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error {
			return d.delete(ctx, tx, a, aim{where, "deleted"})
		})
		if held(err) {
			a.outcome.sort(err)
			err = d.withoutConstraint(ctx, a, where == "")
		}
		if err != nil && !a.outcome.sort(err) {
			return err
		}
		if a.outcome.proven {
			return nil
		}
	}
	return nil
}

// aim is how a delete names its rows, and how the evidence speaks of it.
type aim struct{ where, verb string }

func (d *deletes) delete(ctx context.Context, tx *session.Tx, a attempt, to aim) error {
	n, err := tx.Affected(ctx, fmt.Sprintf("DELETE FROM %s a%s", a.table.SQL(), to.where))
	if err != nil {
		return err
	}
	a.outcome.tried++
	return d.w.reached(ctx, tx, a, reach{results.Delete, to.verb, n, to.where == ""})
}

// withoutConstraint deletes what a foreign key held: a copy of the victim's row to which nothing
// refers or, by a statement without WHERE, rows that are there, with foreign keys switched off.
func (d *deletes) withoutConstraint(ctx context.Context, a attempt, blind bool) error {
	if blind && (!d.w.dialer.CanBypassConstraints() || a.table.Triggers > 0) {
		return nil
	}
	return d.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error {
		if blind {
			return d.withoutForeignKeys(ctx, tx, a)
		}
		return d.copy(ctx, tx, a)
	})
}

func (d *deletes) withoutForeignKeys(ctx context.Context, tx *session.Tx, a attempt) error {
	ready, err := tx.Prepare(ctx, func() error { return tx.Exec(ctx, "SET LOCAL session_replication_role = replica") })
	if err != nil || !ready {
		return err
	}
	return d.delete(ctx, tx, a, aim{"", "deleted, but for the foreign keys that hold them,"})
}

func (d *deletes) copy(ctx context.Context, tx *session.Tx, a attempt) error {
	place := ""
	ready, err := tx.Prepare(ctx, func() error {
		if _, err := tx.Affected(ctx, d.w.rows.Insert(a.table, a.target.Values, victims.AllColumns).SQL); err != nil {
			return err
		}
		return tx.QueryRow(ctx, d.w.prover.WrittenForeignSQL(a.table, a.session.Identity)).Scan(&place)
	})
	if err != nil || !ready {
		return err
	}
	return d.delete(ctx, tx, a, aim{" WHERE " + place, "deleted a row like"})
}
