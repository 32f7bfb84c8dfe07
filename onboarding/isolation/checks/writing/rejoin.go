package writing

import (
	"context"
	"fmt"
	"slices"

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
		sql := fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), sets, where)
		err := r.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error {
			n, err := tx.Affected(ctx, sql)
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
			return r.w.readJoined(ctx, a, sql)
		}
	}
	return nil
}

// joins has Persons move their own account into another Org, where accounts say in a column which
// Org they are in.
type joins struct{ w *writer }

func (j *joins) try(ctx context.Context, a attempt) error {
	m, t := j.w.model, a.table
	home := t.Column(m.Membership.HomeColumn)
	if t != m.Users.Table || home == nil || !home.Update || a.session.Identity.Person == nil {
		return nil
	}
	org := a.target.Values[home.Name]
	if org == nil || slices.Contains(a.session.Identity.Orgs, *org) {
		return nil
	}
	if own := a.session.Identity.Orgs; len(own) > 0 && j.w.settings.HasOrg() {
		a.session.Org = &own[0] // in which they may manage accounts
		a.session.Label = fmt.Sprintf("Person %s acting in their Org %s", *a.session.Identity.Person, own[0])
	}
	me := m.IsPerson(t, "a", m.Users.ID, m.IdentitySQL(a.session.Identity))
	err := j.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error {
		n, err := tx.Affected(ctx, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), home.Assign(org), me))
		if err != nil || n == 0 {
			return err
		}
		a.outcome.tried++
		found, err := j.w.prover.Written(ctx, tx, proof.Write{
			Victim: a.target.Victim, Table: t, Condition: me, By: tenancy.Placed, Stated: len(t.Triggers)+t.Rules == 0,
		})
		if found != nil {
			j.w.leak(ctx, a, results.Update, "moved their own account into Org "+*org)
		}
		return err
	})
	if err != nil && !a.outcome.sort(err) {
		return err
	}
	return nil
}
