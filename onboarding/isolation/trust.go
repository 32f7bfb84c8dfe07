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
	trusted := r.trusted()
	readable := slices.DeleteFunc(slices.Clone(r.tables), func(t *relation) bool { return !t.readable() || t.isView() || !t.RLS })
	if len(trusted) == 0 || len(readable) == 0 {
		return nil
	}
	for _, v := range r.victims {
		attackers, err := r.attackers(ctx, v)
		if err != nil {
			return err
		}
		for _, s := range attackers[:min(3, len(attackers))] {
			if s.Person == nil {
				continue
			}
			for _, t := range trusted {
				for _, word := range []string{"admin", "owner"} {
					if err := r.promote(ctx, t, s, v, word, readable); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// trusted are relations that a policy, or a function that one may call, names and that the app role may write to.
func (r *run) trusted() []*relation {
	var sources []string
	for _, t := range r.m.cat.Relations {
		for _, p := range t.Policies {
			sources = append(sources, p.Using, p.Check)
		}
	}
	for _, f := range r.m.cat.Functions {
		sources = append(sources, f.Source)
	}
	return slices.DeleteFunc(slices.Clone(r.m.cat.Relations), func(t *relation) bool {
		named := regexp.MustCompile(`\b` + regexp.QuoteMeta(t.Name) + `\b`)
		skip := r.cfg.Tables[t.String()].SkipWrites || r.cfg.Tables[t.String()].Excuse != ""
		return t.isView() || skip || !t.can(canInsert) && !t.can(canUpdate) || !slices.ContainsFunc(sources, named.MatchString)
	})
}

// promote inserts a row in which the attacker is what they would like to be, or else makes their own rows say so, and reads.
func (r *run) promote(ctx context.Context, t *relation, s session, v victim, word string, tables []*relation) error {
	values, err := r.flattering(ctx, t, s, v)
	if err != nil {
		return err
	}
	var sets []string
	for _, c := range t.Columns {
		name := normal(c.Name)
		switch {
		case c.Category == "B" && !slices.Contains(formerFlags, name):
			values[c.Name] = ref("true")
		case c.Category == "S" && (strings.Contains(name, "role") || strings.Contains(name, "kind") || strings.Contains(name, "type") || strings.Contains(name, "level")):
			values[c.Name] = &word
		default:
			continue
		}
		if c.Update {
			sets = append(sets, pgx.Identifier{c.Name}.Sanitize()+" = "+c.literal(values[c.Name]))
		}
	}
	var statements []string
	if sql, _ := r.insertion(t, values); sql != "" && t.can(canInsert) && t != r.m.users && t != r.m.orgs && t != r.m.members {
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
		fix := fmt.Sprintf("REVOKE INSERT, UPDATE ON %s FROM %s; -- or let policies keep what they ask out of tenants' hands", t.SQL(), pgx.Identifier{r.cfg.AppRole}.Sanitize())
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
