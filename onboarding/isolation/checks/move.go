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

// tryMove gives the attacker's own rows to the victim.
func (r *Run) tryMove(ctx context.Context, t *catalog.Relation, to target, s session.Session, out *outcome) error {
	o := r.m.Of(t)
	if s.Person == nil || o.Class != tenancy.ClassTenant && o.Class != tenancy.ClassMembers {
		return nil
	}
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	own, err := r.ownRow(ctx, t, s, w, to.victim)
	if err != nil {
		return err
	}
	var sets []string
	for _, name := range o.TenantColumns() {
		c := t.Column(name)
		author := to.victim.Org != "" && slices.Contains(o.User, name) && len(o.Org) > 0 // and whom a membership names
		if author || own != nil && same(own.values[name], to.values[name]) {
			continue
		}
		if c == nil || !c.Update || c.NotNull && to.values[name] == nil {
			return nil
		}
		sets = append(sets, pgx.Identifier{name}.Sanitize()+" = "+c.Literal(to.values[name]))
	}
	if len(sets) == 0 {
		return nil
	}
	var aims []string
	if own == nil && o.Class == tenancy.ClassMembers {
		return nil
	}
	if own != nil {
		aims = append(aims, " WHERE "+own.place)
	}
	if r.small(ctx, t) {
		aims = append(aims, "")
	}
	for _, where := range aims {
		move := func(cleared bool) error {
			return r.in(ctx, s, false, func(conn *pgx.Conn) error {
				if cleared {
					if gone, err := r.clear(ctx, conn, s, t, to); err != nil || !gone {
						return err
					}
				}
				if own == nil {
					// Something of one's own to move.
					mine, err := r.imagined(ctx, t, tenancy.Tenant{Person: *s.Person}, []target{to})
					if err != nil || mine == nil {
						return err
					}
					sql, _ := r.insertion(t, mine, freshly)
					if _, err := query.Affected(ctx, conn, sql); err != nil {
						return err
					}
				}
				n, err := query.Affected(ctx, conn, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), strings.Join(sets, ", "), where))
				if err != nil {
					return err
				}
				out.tried++
				if n == 0 {
					return nil
				}
				p, err := r.written(ctx, conn, s, to.victim, t, "true", tenancy.Placed)
				if p != nil {
					r.writeLeak(ctx, t, "update", s, fmt.Sprintf("moved a row of their own (%s) to %s", p.Key, p.Owner), out)
				}
				return err
			})
		}
		err := move(false)
		if held(err) && to.place != "" {
			out.judge(err)
			err = move(true)
		}
		if err != nil && !out.judge(err) {
			return err
		}
		if out.proven {
			return nil
		}
	}
	return nil
}

func same(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// ownRow is a row that the session's Person has a right to, with an owner of the victim's kind where there is one.
func (r *Run) ownRow(ctx context.Context, t *catalog.Relation, s session.Session, w tenancy.IdentitySQL, v tenancy.Tenant) (*target, error) {
	key := fmt.Sprint(t, *s.Person, v.Org == "")
	if row, known := r.ownRows[key]; known {
		return row, nil
	}
	person := []string{query.Literal("Person " + *s.Person)}
	var orgs []string
	for _, org := range s.Orgs {
		orgs = append(orgs, query.Literal("Org "+org))
	}
	kinds := [][]string{person, orgs}
	if v.Org != "" {
		kinds = [][]string{orgs, person}
	}
	r.ownRows[key] = nil
	for _, owners := range kinds {
		if len(owners) == 0 {
			continue
		}
		condition := fmt.Sprintf("%s IN (%s) AND NOT %s", r.m.Owner(t, "a"), strings.Join(owners, ", "), r.m.Foreign(t, "a", w, tenancy.Truth))
		if r.m.Of(t).Class == tenancy.ClassMembers {
			condition = r.m.IsUser(t, "a", r.m.MemberUser, w)
		}
		rows, err := r.rowsAnyTenant(ctx, t, condition)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			r.ownRows[key] = &rows[0]
			break
		}
	}
	return r.ownRows[key], nil
}
