package writing

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// deletes deletes the victim's row, and without WHERE.
type deletes struct{ w *writer }

func (d *deletes) try(ctx context.Context, a attempt) error {
	if a.target.Place == "" || d.w.ownMembership(a) {
		return nil
	}
	for _, where := range d.w.aims(ctx, a) {
		sql := fmt.Sprintf("DELETE FROM %s a%s", a.table.SQL(), where)
		err := d.w.attempts.Touch(ctx, a.session, sql, func(tx *session.Tx, rows int) error {
			a.outcome.tried++
			return d.w.reached(ctx, tx, a, reach{results.Delete, "deleted", rows, where == ""})
		})
		if held(err) {
			err = d.judgeHeld(ctx, a, err, where == "")
		}
		if !a.outcome.sort(err) {
			return err
		}
		if a.outcome.proven {
			return nil
		}
	}
	return nil
}

// judgeHeld proves a delete by the foreign key that held it, which PostgreSQL asks after the row
// has passed the policies and is gone. Without WHERE, that row may be the session's own, so it has
// to own none.
func (d *deletes) judgeHeld(ctx context.Context, a attempt, held error, blind bool) error {
	a.outcome.sort(held)
	if query.SQLState(held) != query.ForeignKeyViolation || len(a.table.Triggers) > 0 {
		return nil
	}
	if blind {
		foreign := d.w.model.Foreign(a.table, "a", d.w.model.IdentitySQL(a.session.Identity), tenancy.Truth)
		if own, err := d.w.prover.CountOwn(ctx, a.table, foreign); err != nil || own > 0 {
			return err
		}
	}
	evidence := fmt.Sprintf("reached rows such as %s of %s with a DELETE that only foreign key %s stopped",
		a.target.Key, a.target.Victim, query.Constraint(held))
	d.w.leak(ctx, a, results.Delete, evidence)
	return nil
}
