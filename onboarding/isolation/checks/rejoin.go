package checks

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// rejoins has Persons who left an Org make themselves members again. Who was only ever invited
// may accept, so they do not try.
type rejoins struct{ w *writer }

func (r *rejoins) try(ctx context.Context, a attempt) error {
	m, t, victim := r.w.model, a.table, a.target.Victim
	sets := tenancy.RejoinSQL(t)
	if !m.IsMembership(t) || a.session.Identity.Person == nil || !victim.IsOrg() || sets == "" ||
		a.session.Identity.Is(victim) {
		return nil
	}
	condition := fmt.Sprintf("%s AND %s::text = %s AND NOT %s",
		m.IsPerson(t, "a", m.Membership.Person, m.IdentitySQL(a.session.Identity)),
		query.Column("a", m.Membership.Org), query.Literal(victim.ID), tenancy.OfferedSQL(t))
	rows, err := r.w.rows.Matching(ctx, t, condition, 1)
	if err != nil || len(rows) == 0 {
		return err
	}
	for _, where := range []string{" WHERE " + rows[0].Place, ""} {
		err := r.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error {
			n, err := tx.Affected(ctx, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), sets, where))
			if err != nil || n == 0 {
				return err
			}
			a.outcome.tried++
			present := fmt.Sprintf("%s AND (%s)", condition, m.Membership.Present("a"))
			found, err := r.w.prover.Written(ctx, tx,
				proof.Write{Victim: victim, Table: t, Condition: present, By: tenancy.Placed})
			if found != nil {
				r.w.leak(ctx, a, results.Update,
					fmt.Sprintf("made themselves a member of %s again (%s)", victim, found.Key))
			}
			return err
		})
		if err != nil && !a.outcome.sort(err) {
			return err
		}
		if a.outcome.proven {
			return r.w.readJoined(ctx, a, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), sets, where))
		}
	}
	return nil
}
