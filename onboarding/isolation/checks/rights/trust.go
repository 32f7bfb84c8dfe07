package rights

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/escalation"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// trustSessions is how many attackers write into each table that policies ask, against each
// victim.
const trustSessions = 2

// trust writes into the tables that policies ask, as far as an attacker may write there, and
// reads everything again: who can make themselves an administrator needs no hole in a policy.
type trust struct {
	model     *tenancy.Model
	scope     *setup.Scope
	victims   *victims.Victims
	rows      *victims.Rows
	escalator *escalation.Escalator
	fixes     *fixes.Writer
	results   *results.Collector
}

// NewTrust returns the check of the tables that policies ask.
func NewTrust(s *setup.Setup) setup.Check {
	return &trust{s.Model, s.Scope, s.Victims, s.Rows, escalation.New(s), s.Fixes, s.Results}
}

func (c *trust) Run(ctx context.Context) error {
	for _, t := range c.model.Catalog.Relations {
		if t.IsView() || c.scope.WritesExcluded(t, results.Insert, results.Update) || c.model.IsMembership(t) ||
			!t.Insertable() && !t.Updatable() {
			continue
		}
		asking, views := c.asking(t), c.views(t)
		if len(asking)+len(views) == 0 {
			continue
		}
		for _, v := range c.victims.List() {
			attackers, err := c.attackers(ctx, promotion{table: t, victim: v})
			if err != nil {
				return err
			}
			for _, s := range attackers {
				if s.Identity.Person == nil {
					continue
				}
				if err := c.promote(ctx, promotion{t, v, s, asking, views}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// asking lists the readable tables whose policies name t, or a function that does so, directly
// or through another function.
func (c *trust) asking(t *catalog.Relation) []*catalog.Relation {
	names := c.model.Catalog.NamedVia(t)
	return slices.DeleteFunc(c.scope.Readable(), func(other *catalog.Relation) bool {
		return !other.RLS || !slices.ContainsFunc(other.Policies, func(p catalog.Policy) bool {
			// A policy of t itself names t also where it names a column.
			return (other != t || strings.Contains(p.Using, "(")) && catalog.Names(p.Using, names...)
		})
	})
}

// views lists the readable views that name t, or a function that does so, and read other tables.
func (c *trust) views(t *catalog.Relation) []*catalog.Relation {
	names := c.model.Catalog.NamedVia(t)
	return slices.DeleteFunc(slices.Clone(c.scope.Tables), func(view *catalog.Relation) bool {
		other := func(base *catalog.Relation) bool { return base != t }
		return view.Kind != catalog.View || !view.Readable() || c.scope.GivenUp(view) ||
			!catalog.Names(view.Definition, names...) || !slices.ContainsFunc(c.model.Catalog.TablesOf(view), other)
	})
}

// promotion is an attempt to become what policies trust.
type promotion struct {
	table   *catalog.Relation
	victim  tenancy.Tenant
	session session.Session
	asking  []*catalog.Relation
	views   []*catalog.Relation
}

// promote inserts a row in which the attacker is what they like to be, or changes their own rows
// to say so, and reads. What a view shows may be the very row that was written, so views are read
// only after changes that move no row to another owner.
func (c *trust) promote(ctx context.Context, p promotion) error {
	p.session.Label += " after writing into " + p.table.String() + ", which policies or views read"
	statements, err := c.statements(ctx, p)
	if err != nil {
		return err
	}
	if err := c.try(ctx, p, statements, p.asking); err != nil {
		return err
	}
	identities, err := c.identityUpdates(ctx, p)
	if err != nil {
		return err
	}
	return c.try(ctx, p, identities, slices.Concat(p.asking, p.views))
}

func (c *trust) try(ctx context.Context, p promotion, statements []string, read []*catalog.Relation) error {
	for _, sql := range statements {
		c.results.CountWrite()
		err := c.escalator.Try(ctx, escalation.Attack{
			Session: p.session, SQL: sql, Tables: read,
			Fix: c.fixes.Revoke("INSERT, UPDATE", p.table,
				"or make policies and views read only tables that tenants cannot write to"),
		})
		if query.Lost(err) != nil {
			return err
		}
	}
	return nil
}

func (c *trust) statements(ctx context.Context, p promotion) ([]string, error) {
	t, m := p.table, c.model
	values, err := c.rows.Favourable(ctx, t, p.session, p.victim)
	if err != nil {
		return nil, err
	}
	var sets []string
	for _, column := range t.Columns {
		switch {
		case t == m.Users.Table && column.Name == m.Membership.HomeColumn && p.victim.IsOrg():
			values[column.Name] = &p.victim.ID
		case column.Category == catalog.Boolean && !tenancy.IsFormerFlag(catalog.Normalize(column.Name)):
			values[column.Name] = new("true")
		case column.Category == catalog.String && namesRank(column.Name):
			values[column.Name] = new(victims.Promoted)
		default:
			continue
		}
		if column.Update {
			sets = append(sets, column.Assign(values[column.Name]))
		}
	}
	var statements []string
	insert := c.rows.Insert(t, values, victims.NewKeys)
	if insert.SQL != "" && t.Insertable() && !m.IsTenants(t) {
		statements = append(statements, insert.SQL)
	}
	if len(sets) > 0 {
		set := fmt.Sprintf("UPDATE %s a SET %s", t.SQL(), strings.Join(sets, ", "))
		statements = append(statements, set+" WHERE "+m.Names(t, p.session.Identity), set)
	}
	if len(statements) > 0 && !c.scope.IsSmall(ctx, t) {
		statements = statements[:len(statements)-1]
	}
	references, err := c.referenceUpdates(ctx, p)
	if err != nil {
		return nil, err
	}
	sharing, err := c.sharing(ctx, p, values)
	return slices.Concat(statements, references, sharing), err
}

// namesRank reports whether a column, by its name, says what somebody is allowed.
func namesRank(column string) bool {
	name := catalog.Normalize(column)
	return slices.ContainsFunc([]string{"role", "kind", "type", "level"},
		func(part string) bool { return strings.Contains(name, part) })
}
