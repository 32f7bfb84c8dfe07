package isolation

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// checkTrust writes into the tables that policies ask, as far as an attacker may write there, and reads everything again: who may make themselves
// an administrator needs no hole in a policy.
func (r *run) checkTrust(ctx context.Context) error {
	for _, t := range r.m.cat.Relations {
		if t.isView() || r.spared(t) || t == r.m.members || !t.can(canInsert) && !t.can(canUpdate) {
			continue
		}
		asking := r.asking(t)
		if len(asking) == 0 {
			continue
		}
		for _, v := range r.victims {
			attackers, err := r.attackers(ctx, v)
			if err != nil {
				return err
			}
			for _, s := range attackers[:min(2, len(attackers))] {
				if s.Person == nil {
					continue
				}
				if err := r.promote(ctx, t, s, v, asking); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// asking lists the readable tables whose policies name t, or a function that does so, directly or by another.
func (r *run) asking(t *relation) []*relation {
	names := r.m.cat.naming(t)
	mention := func(source string) bool { return mentions(source, names) }
	return slices.DeleteFunc(slices.Clone(r.tables), func(other *relation) bool {
		return !other.readable() || other.isView() || !other.RLS || r.tired[other] >= timeoutPatience ||
			!slices.ContainsFunc(other.Policies, func(p policy) bool {
				return other != t && mention(p.Using) || other == t && strings.Contains(p.Using, "(") && mention(p.Using)
			})
	})
}

// naming lists a relation's name and those of all functions that name it, directly or by another.
func (c *catalogue) naming(t *relation) []string {
	names := []string{t.Name}
	for grown := true; grown; {
		grown = false
		for _, f := range c.Functions {
			if !slices.Contains(names, f.Name) && mentions(f.Source, names) {
				names, grown = append(names, f.Name), true
			}
		}
	}
	return names
}

// asksFor reports whether a policy or a function names a column.
func (c *catalogue) asksFor(name string) bool {
	names := []string{name}
	return slices.ContainsFunc(c.Functions, func(f *function) bool { return mentions(f.Source, names) }) ||
		slices.ContainsFunc(c.Relations, func(t *relation) bool {
			return slices.ContainsFunc(t.Policies, func(p policy) bool { return mentions(p.Using+" "+p.Check, names) })
		})
}

// mentions reports whether any of the names stands in the source as a word.
func mentions(source string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(source)
	})
}

// promoted is what an attacker writes wherever a role or a level stands.
const promoted = "admin"

// promote inserts a row in which the attacker is what they would like to be, or else makes their own rows say so, and reads.
func (r *run) promote(ctx context.Context, t *relation, s session, v victim, tables []*relation) error {
	values, err := r.flattering(ctx, t, s, v)
	if err != nil {
		return err
	}
	var sets []string
	for _, c := range t.Columns {
		name := normal(c.Name)
		switch {
		case t == r.m.users && c.Name == r.m.homeColumn && v.Org != "":
			values[c.Name] = &v.Org
		case c.Category == "B" && !slices.Contains(formerFlags, name):
			values[c.Name] = ref("true")
		case c.Category == "S" && (strings.Contains(name, "role") || strings.Contains(name, "kind") || strings.Contains(name, "type") || strings.Contains(name, "level")):
			values[c.Name] = ref(promoted)
		default:
			continue
		}
		if c.Update {
			sets = append(sets, pgx.Identifier{c.Name}.Sanitize()+" = "+c.literal(values[c.Name]))
		}
	}
	var statements []string
	if sql, _ := r.insertion(t, values, freshly); sql != "" && t.can(canInsert) && t != r.m.users && t != r.m.orgs && t != r.m.members {
		statements = append(statements, sql)
	}
	if len(sets) > 0 {
		statements = append(statements, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), strings.Join(sets, ", "), r.mineOf(t, s)), fmt.Sprintf("UPDATE %s SET %s", t.SQL(), strings.Join(sets, ", ")))
	}
	if !r.small(ctx, t) && len(statements) > 0 {
		statements = statements[:len(statements)-1]
	}
	said := s
	said.Label += " after writing into " + t.String() + ", which policies ask"
	for _, sql := range statements {
		fix := fmt.Sprintf("REVOKE INSERT, UPDATE ON %s FROM PUBLIC, %s; -- or let policies keep what they ask out of tenants' hands", t.SQL(), pgx.Identifier{r.cfg.AppRole}.Sanitize())
		r.coverage.WriteAttempts++
		if err := r.escalate(ctx, said, sql, tables, fix); err != nil && sqlstate(err) == "" {
			return err
		}
	}
	return nil
}

// mineOf is a condition for the rows of t that name the session's Person.
func (r *run) mineOf(t *relation, s session) string {
	o := r.m.of(t)
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	if o.Class == classUsers {
		return r.m.isUser(t, "a", r.m.userID, w)
	}
	conditions := []string{"false"}
	for _, c := range o.User {
		conditions = append(conditions, r.m.isUser(t, "a", c, w))
	}
	return strings.Join(conditions, " OR ")
}
