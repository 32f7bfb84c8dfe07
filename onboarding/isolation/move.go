package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tryMove gives the attacker's own rows to the victim.
func (r *run) tryMove(ctx context.Context, t *relation, to target, s session, out *outcome) error {
	o := r.m.of(t)
	if s.Person == nil || o.Class != classTenant && o.Class != classMembers {
		return nil
	}
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	own, err := r.ownRow(ctx, t, s, w, to.victim)
	if err != nil {
		return err
	}
	var sets []string
	for _, name := range o.tenantColumns() {
		c := t.column(name)
		author := to.victim.Org != "" && slices.Contains(o.User, name) && len(o.Org) > 0 // and whom a membership names
		if author || own != nil && same(own.values[name], to.values[name]) {
			continue
		}
		if c == nil || !c.Update || c.NotNull && to.values[name] == nil {
			return nil
		}
		sets = append(sets, pgx.Identifier{name}.Sanitize()+" = "+c.literal(to.values[name]))
	}
	if len(sets) == 0 {
		return nil
	}
	var aims []string
	if own == nil && o.Class == classMembers {
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
					mine, err := r.imagined(ctx, t, victim{Person: *s.Person}, []target{to})
					if err != nil || mine == nil {
						return err
					}
					sql, _ := r.insertion(t, mine, freshly)
					if _, err := affected(ctx, conn, sql); err != nil {
						return err
					}
				}
				n, err := affected(ctx, conn, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), strings.Join(sets, ", "), where))
				if err != nil {
					return err
				}
				out.tried++
				if n == 0 {
					return nil
				}
				p, err := r.written(ctx, conn, s, to.victim, t, "true", placed)
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
func (r *run) ownRow(ctx context.Context, t *relation, s session, w who, v victim) (*target, error) {
	key := fmt.Sprint(t, *s.Person, v.Org == "")
	if row, known := r.ownRows[key]; known {
		return row, nil
	}
	person := []string{literal("Person " + *s.Person)}
	var orgs []string
	for _, org := range s.Orgs {
		orgs = append(orgs, literal("Org "+org))
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
		condition := fmt.Sprintf("%s IN (%s) AND NOT %s", r.m.owner(t, "a"), strings.Join(owners, ", "), r.m.foreign(t, "a", w, truth))
		if r.m.of(t).Class == classMembers {
			condition = r.m.isUser(t, "a", r.m.memberUser, w)
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
