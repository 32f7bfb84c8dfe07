package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// rejoin renders assignments that would make a membership a present one again; empty where nothing says that it ended.
func rejoin(r *catalog.Relation) string {
	var sets []string
	for _, c := range r.Columns {
		name, f := catalog.Normal(c.Name), pgx.Identifier{c.Name}.Sanitize()
		if !c.Update {
			continue
		}
		switch {
		case c.Category == "D" && tenancy.Ends(name):
			sets = append(sets, f+" = NULL")
		case c.Category == "B" && slices.Contains(tenancy.PresentFlags, name):
			sets = append(sets, f+" = true")
		case c.Category == "B" && slices.Contains(tenancy.FormerFlags, name):
			sets = append(sets, f+" = false")
		case (c.Category == "S" || c.Category == "E") && slices.Contains(tenancy.StatusColumns, name):
			sets = append(sets, f+" = 'active'")
		}
	}
	return strings.Join(sets, ", ")
}

// tryRejoin lets someone who left an Org undo it. Who was only ever invited may accept, so they do not try.
func (r *Run) tryRejoin(ctx context.Context, t *catalog.Relation, to target, s session.Session, out *outcome) error {
	m := r.m
	sets := rejoin(t)
	if t != m.Members || s.Person == nil || to.victim.Org == "" || sets == "" || slices.Contains(s.Orgs, to.victim.Org) {
		return nil
	}
	w := m.Identity(s.Person, s.Orgs, s.CoMembers)
	condition := fmt.Sprintf("%s AND %s::text = %s AND NOT %s", m.IsUser(t, "a", m.MemberUser, w), query.Column("a", m.MemberOrg), query.Literal(to.victim.Org), pending(t))
	rows, err := r.rowsMatching(ctx, t, condition, 1)
	if err != nil || len(rows) == 0 {
		return err
	}
	for _, where := range []string{" WHERE " + rows[0].place, ""} {
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			n, err := query.Affected(ctx, conn, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), sets, where))
			if err != nil || n == 0 {
				return err
			}
			out.tried++
			present := fmt.Sprintf("%s AND (%s)", condition, m.PresentAs("a"))
			p, err := r.written(ctx, conn, s, to.victim, t, present, tenancy.Placed)
			if p != nil {
				r.writeLeak(ctx, t, "update", s, fmt.Sprintf("made themselves a member of %s again (%s)", to.victim, p.Key), out)
			}
			return err
		})
		if err != nil && !out.judge(err) {
			return err
		}
		if out.proven {
			return nil
		}
	}
	return nil
}

// pending is a condition on a membership (alias a) that was offered and not yet taken.
func pending(r *catalog.Relation) string {
	conditions := []string{"false"}
	for _, c := range r.Columns {
		name, f := catalog.Normal(c.Name), query.Column("a", c.Name)
		switch {
		case (c.Category == "S" || c.Category == "E") && slices.Contains(tenancy.StatusColumns, name):
			conditions = append(conditions, "lower("+f+"::text) IN ('invited', 'pending', 'requested')")
		case c.Category == "D" && slices.Contains(tenancy.AcceptColumns, name):
			conditions = append(conditions, f+" IS NULL")
		}
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}
