package checks

import (
	"context"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// tryInsert inserts a row that would be the victim's.
func (r *Run) tryInsert(ctx context.Context, t *catalog.Relation, to target, s session.Session, out *outcome) error {
	o := r.m.Of(t)
	if o.Class == tenancy.ClassUsers || o.Class == tenancy.ClassOrgs {
		return nil // signing up and founding are nobody else's
	}
	values := maps.Clone(to.values)
	if (to.victim.Org != "" && len(o.Org) > 0 || o.Class == tenancy.ClassMembers) && s.Person != nil {
		for _, c := range o.User {
			values[c] = s.Person // the author of a row that is the Org's
		}
	}
	variants := []map[string]*string{values}
	if o.Class == tenancy.ClassMembers {
		// Who was a member once has a row already, and can only let others in.
		for _, other := range r.people() {
			if s.Person == nil || other != *s.Person {
				guest := maps.Clone(values)
				guest[r.m.MemberUser] = &other
				variants = append(variants, guest)
			}
		}
	}
	below := len(variants) // those from here on name the attacker below the victim's parent
	if len(o.Parents) > 0 && len(o.User) > 0 && s.Person != nil {
		mine := maps.Clone(values)
		for _, c := range o.User {
			mine[c] = s.Person
		}
		variants = append(variants, mine)
	}
	for i, values := range variants {
		sql, condition := r.insertion(t, values, freshly)
		if sql == "" {
			return nil
		}
		attempt := func(cleared bool) error {
			return r.in(ctx, s, false, func(conn *pgx.Conn) error {
				if cleared {
					if gone, err := r.clear(ctx, conn, s, t, to); err != nil || !gone {
						return err
					}
				}
				if _, err := query.Affected(ctx, conn, sql); err != nil {
					return err
				}
				out.tried++
				if i >= below {
					return r.landed(ctx, conn, t, condition, to, s, out)
				}
				p, err := r.written(ctx, conn, s, to.victim, t, condition, tenancy.Placed)
				if p != nil {
					r.writeLeak(ctx, t, "insert", s, fmt.Sprintf("inserted a row that belongs to %s", p.Owner), out)
				}
				return err
			})
		}
		err := attempt(false)
		if held(err) && to.place != "" {
			out.judge(err)
			sql, condition = r.insertion(t, values, again)
			err = attempt(true)
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

// landed proves an insert below another's row by what the victim sees: a row that names the attacker, among the victim's own.
func (r *Run) landed(ctx context.Context, conn *pgx.Conn, t *catalog.Relation, condition string, to target, s session.Session, out *outcome) error {
	victim, err := r.eyes(ctx, to.victim)
	if err != nil || condition == "true" {
		return err
	}
	reset := session.Session{User: victim.User, Org: victim.Org}
	if err := query.Exec(ctx, conn, reset.Enter(r.cfg.Settings)); err != nil {
		return err
	}
	var seen int
	if err := query.One(ctx, conn, fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", t.SQL(), condition), nil, &seen); err != nil {
		return err
	}
	if seen > 0 {
		r.writeLeak(ctx, t, "insert", s, fmt.Sprintf("inserted a row below %s's, who sees it among their own", to.victim), out)
	}
	return nil
}

// eyes is a session of the victim's own.
func (r *Run) eyes(ctx context.Context, v tenancy.Tenant) (session.Session, error) {
	if v.Person != "" {
		return r.sessionOf(ctx, v.Person)
	}
	persons, err := query.Strings(ctx, r.admin, fmt.Sprintf("WITH mem AS (%s) SELECT person::text FROM mem WHERE org::text = %s AND present ORDER BY 1 LIMIT 1", r.m.MembersSQL(), query.Literal(v.Org)))
	if err != nil || len(persons) == 0 {
		return session.Session{User: query.Ref(""), Org: query.Ref(v.Org)}, err
	}
	s, err := r.sessionOf(ctx, persons[0])
	s.Org = query.Ref(v.Org)
	return s, err
}
