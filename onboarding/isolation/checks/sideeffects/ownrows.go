package sideeffects

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// acts reports whether a session acts in an Org of its own.
func acts(s session.Session) bool { return s.Kind == session.Member && len(s.Identity.Orgs) > 0 }

// self is the tenant as whom a session owns rows: the Org that it acts in, or its Person.
func self(s session.Session) tenancy.Tenant {
	if acts(s) {
		return tenancy.Tenant{Kind: tenancy.Org, ID: *s.Org}
	}
	return tenancy.Tenant{Kind: tenancy.Person, ID: *s.Identity.Person}
}

// owning makes rows the attacker's, by every column that says whose a row is. Where a parent says
// it, there is one more row for each, below a row of the attacker's.
func (c *triggers) owning(
	ctx context.Context, t *catalog.Relation, s session.Session, rows []victims.Values,
) ([]victims.Values, error) {
	m, o, me := c.model, c.model.Of(t), self(s)
	var list []victims.Values
	for _, values := range rows {
		for _, name := range o.Persons {
			values[name] = s.Identity.Person
		}
		for _, name := range o.Either {
			values[name] = &me.ID
		}
		if acts(s) {
			for _, name := range o.Orgs {
				values[name] = &me.ID
			}
		}
		list = append(list, values)
		if personal := c.personal(t, s, values); personal != nil {
			list = append(list, personal)
		}
		for _, p := range o.Parents {
			// Only another reference leads to the victim's rows then.
			other := func(name string) bool { return !slices.Contains(p.Columns, name) }
			if acts(s) && len(o.Orgs) > 0 || !slices.ContainsFunc(c.references(t), other) {
				continue
			}
			key, err := c.rows.Any(ctx, p.Table, p.TargetCols, m.OwnedBy(p.Table, me))
			if err != nil {
				return nil, err
			}
			if key == nil {
				continue
			}
			below := maps.Clone(values)
			for i, name := range p.Columns {
				below[name] = key[i]
			}
			if p.Kind != "" {
				below[p.Kind] = &p.KindValue
			}
			list = append(list, below)
		}
	}
	return list, nil
}

// personal is a row without an Org, where a Person may own one. It is nil where the row is one
// already.
func (c *triggers) personal(t *catalog.Relation, s session.Session, values victims.Values) victims.Values {
	o := c.model.Of(t)
	if acts(s) || len(o.Persons) == 0 {
		return nil
	}
	personal, changed := maps.Clone(values), false
	for _, name := range o.Orgs {
		if t.Column(name).NotNull {
			return nil
		}
		personal[name], changed = nil, changed || values[name] != nil
	}
	if !changed {
		return nil
	}
	return personal
}

// owned is the condition, on the alias a, for rows of the attacker's.
func (c *triggers) owned(t *catalog.Relation, s session.Session) string {
	m, o := c.model, c.model.Of(t)
	conditions := []string{m.Names(t, s.Identity)}
	if acts(s) {
		for _, name := range o.Orgs {
			conditions = append(conditions, m.IsOrg(t, "a", name, m.IdentitySQL(s.Identity)))
		}
	}
	if !o.Direct() && !o.Derived() && o.Class == tenancy.ClassTenant {
		conditions = append(conditions, m.OwnedBy(t, self(s)))
	}
	return strings.Join(conditions, " OR ")
}

// references are the columns of a table that lead to rows of tenants.
func (c *triggers) references(t *catalog.Relation) []string {
	var columns []string
	for _, target := range c.targets(t) {
		columns = append(columns, target.columns...)
	}
	return columns
}

// inserted is the condition, on the alias a, that finds an inserted row: by its key or, where the
// server makes that up, by whose it is and to what it refers.
func (c *triggers) inserted(t *catalog.Relation, values victims.Values, insert victims.Insertion) string {
	if insert.Identified() {
		return insert.Condition
	}
	var conditions []string
	for _, name := range slices.Concat(c.model.Of(t).Columns(), c.references(t)) {
		if column := t.Column(name); column != nil && values[name] != nil {
			conditions = append(conditions, query.Column("a", name)+" = "+column.Literal(values[name]))
		}
	}
	if len(conditions) == 0 {
		return "false"
	}
	return strings.Join(conditions, " AND ")
}
