package rights

import (
	"context"
	"slices"

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

// sharing renders the INSERT of a row of the attacker's own that refers to rows of the victim's,
// such as one that shares a document with them. It is empty where no column refers to any.
func (c *trust) sharing(ctx context.Context, p promotion, like victims.Values) (string, error) {
	t, o, identity := p.table, c.model.Of(p.table), p.session.Identity
	if o.Class != tenancy.ClassTenant || !t.Insertable() {
		return "", nil
	}
	values, refers := like, false
	for _, name := range o.Orgs {
		if len(identity.Orgs) == 0 {
			return "", nil
		}
		values[name] = &identity.Orgs[0]
	}
	for _, column := range t.Columns {
		if slices.Contains(slices.Concat(o.Persons, o.Orgs, o.Either), column.Name) || column.Generated {
			continue
		}
		theirs, err := c.referenceValues(ctx, p, column)
		if err != nil {
			return "", err
		}
		if len(theirs) > 0 {
			values[column.Name], refers = theirs[0], true
		}
	}
	if !refers {
		return "", nil
	}
	return c.rows.Insert(t, values, victims.NewKeys).SQL, nil
}
