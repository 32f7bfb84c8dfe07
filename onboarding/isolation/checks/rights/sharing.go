package rights

import (
	"context"
	"maps"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// attackers are those who write into a table against a victim: a few and, where an Org may own a
// row, one who acts in an Org of theirs.
func (c *trust) attackers(ctx context.Context, p promotion) ([]session.Session, error) {
	all, err := c.victims.Attackers(ctx, p.victim)
	if err != nil {
		return nil, err
	}
	few := min(trustSessions, len(all))
	list := slices.Clone(all[:few])
	acting := slices.IndexFunc(all, func(s session.Session) bool { return s.Kind == session.Member && s.Role == "" })
	if acting >= few && len(c.model.Of(p.table).Orgs) > 0 {
		list = append(list, all[acting])
	}
	return list, nil
}

// sharing renders INSERTs of a row of the attacker's own that refers to rows of the victim's, such
// as one that shares a document with them. There are none where no column refers to any.
func (c *trust) sharing(ctx context.Context, p promotion, like victims.Values) ([]string, error) {
	t, o, identity := p.table, c.model.Of(p.table), p.session.Identity
	if o.Class != tenancy.ClassTenant || !t.Insertable() {
		return nil, nil
	}
	values, refers := like, false
	for _, name := range o.Orgs {
		if len(identity.Orgs) == 0 {
			return nil, nil
		}
		values[name] = &identity.Orgs[0]
	}
	for _, column := range t.Columns {
		if slices.Contains(slices.Concat(o.Persons, o.Orgs, o.Either), column.Name) || column.Generated {
			continue
		}
		theirs, err := c.referenceValues(ctx, p, column)
		if err != nil {
			return nil, err
		}
		if len(theirs) > 0 {
			values[column.Name], refers = theirs[0], true
		}
	}
	if !refers {
		return nil, nil
	}
	var statements []string
	for _, dated := range c.unexpired(p, values) {
		if sql := c.rows.Insert(t, dated, victims.NewKeys).SQL; sql != "" {
			statements = append(statements, sql)
		}
	}
	return statements, nil
}

// unexpired are the values of a row and, as the times that policies ask may be over, the same
// without those that it need not have, and with the last of them far away.
func (c *trust) unexpired(p promotion, values victims.Values) []victims.Values {
	never, last, sources := maps.Clone(values), "", c.sources(p)
	for _, column := range p.table.Columns {
		asked := func(source string) bool { return catalog.Names(source, column.Name) }
		if column.Category != catalog.DateTime || values[column.Name] == nil || !slices.ContainsFunc(sources, asked) {
			continue
		}
		if last = column.Name; !column.NotNull {
			never[column.Name] = nil
		}
	}
	if last == "" {
		return []victims.Values{values}
	}
	later := maps.Clone(values)
	later[last] = new("2199-01-01")
	return []victims.Values{values, never, later}
}
