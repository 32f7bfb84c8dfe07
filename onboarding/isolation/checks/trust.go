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

// checkTrust writes into the tables that policies ask, as far as an attacker may write there, and reads everything again: who may make themselves
// an administrator needs no hole in a policy.
func (r *Run) checkTrust(ctx context.Context) error {
	for _, t := range r.m.Cat.Relations {
		if t.IsView() || r.writesExcluded(t) || t == r.m.Members || !t.Can(catalog.CanInsert) && !t.Can(catalog.CanUpdate) {
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
func (r *Run) asking(t *catalog.Relation) []*catalog.Relation {
	names := r.m.Cat.Naming(t)
	mention := func(source string) bool { return catalog.Mentions(source, names) }
	return slices.DeleteFunc(slices.Clone(r.tables), func(other *catalog.Relation) bool {
		return !other.Readable() || other.IsView() || !other.RLS || r.tired[other] >= timeoutPatience ||
			!slices.ContainsFunc(other.Policies, func(p catalog.Policy) bool {
				return other != t && mention(p.Using) || other == t && strings.Contains(p.Using, "(") && mention(p.Using)
			})
	})
}

// promoted is what an attacker writes wherever a role or a level stands.
const promoted = "admin"

// promote inserts a row in which the attacker is what they would like to be, or else makes their own rows say so, and reads.
func (r *Run) promote(ctx context.Context, t *catalog.Relation, s session.Session, v tenancy.Tenant, tables []*catalog.Relation) error {
	values, err := r.flattering(ctx, t, s, v)
	if err != nil {
		return err
	}
	var sets []string
	for _, c := range t.Columns {
		name := catalog.Normal(c.Name)
		switch {
		case t == r.m.Users && c.Name == r.m.HomeColumn && v.Org != "":
			values[c.Name] = &v.Org
		case c.Category == "B" && !slices.Contains(tenancy.FormerFlags, name):
			values[c.Name] = query.Ref("true")
		case c.Category == "S" && (strings.Contains(name, "role") || strings.Contains(name, "kind") || strings.Contains(name, "type") || strings.Contains(name, "level")):
			values[c.Name] = query.Ref(promoted)
		default:
			continue
		}
		if c.Update {
			sets = append(sets, pgx.Identifier{c.Name}.Sanitize()+" = "+c.Literal(values[c.Name]))
		}
	}
	var statements []string
	if sql, _ := r.insertion(t, values, freshly); sql != "" && t.Can(catalog.CanInsert) && t != r.m.Users && t != r.m.Orgs && t != r.m.Members {
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
		r.Coverage.WriteAttempts++
		if err := r.escalate(ctx, said, sql, tables, fix); err != nil && query.SQLState(err) == "" {
			return err
		}
	}
	return nil
}

// mineOf is a condition for the rows of t that name the session's Person.
func (r *Run) mineOf(t *catalog.Relation, s session.Session) string {
	o := r.m.Of(t)
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	if o.Class == tenancy.ClassUsers {
		return r.m.IsUser(t, "a", r.m.UserID, w)
	}
	conditions := []string{"false"}
	for _, c := range o.User {
		conditions = append(conditions, r.m.IsUser(t, "a", c, w))
	}
	return strings.Join(conditions, " OR ")
}
