package writing

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// maxParts bounds the parts of a text, such as a path, at which an attacker is named.
const maxParts = 3

// naming are rows like the first that are the victim's and also name the attacker or their Org
// where policies ask: in columns beside the owner's, or in a text such as a path.
func (i *inserts) naming(ctx context.Context, a attempt, like []variant) ([]variant, error) {
	m, t, identity := i.w.model, a.table, a.session.Identity
	o := m.Of(t)
	if o.Class != tenancy.ClassTenant || o.Both || identity.Person == nil || len(like) == 0 {
		return nil, nil
	}
	asked, known := i.asked[t]
	if !known {
		asked = m.Catalog.AskedBy(t, catalog.ForInsert)
		i.asked[t] = asked
	}
	beside := variant{values: maps.Clone(like[0].values)}
	holding := m.Holding(t, tenancy.Person)
	var found []variant
	for _, c := range t.Columns {
		if !asked.Names(c.Name) || slices.Contains(slices.Concat(o.Persons, o.Orgs, o.Either), c.Name) {
			continue
		}
		free := c.Type == m.Users.Type && !t.InForeignKey(c.Name) && !slices.Contains(t.Key, c.Name)
		if !slices.Contains(o.Columns(), c.Name) && len(o.Parents) == 0 &&
			(free || slices.Contains(holding, c.Name)) {
			beside.values[c.Name] = identity.Person
			continue
		}
		texts, err := i.namingIn(ctx, a, like[0], c)
		if err != nil {
			return nil, err
		}
		found = append(found, texts...)
	}
	if !maps.EqualFunc(beside.values, like[0].values, victims.Equal) {
		found = append(found, beside)
	}
	return found, nil
}

// namingIn are rows like one in which a text also names the attacker or their Org. The text may
// say whose the row is.
func (i *inserts) namingIn(ctx context.Context, a attempt, like variant, c *catalog.Column) ([]variant, error) {
	value, identity, victim := like.values[c.Name], a.session.Identity, a.target.Victim
	if value == nil || c.Category != catalog.String || a.table.InForeignKey(c.Name) ||
		!slices.Contains(i.w.model.Of(a.table).Columns(), c.Name) && !strings.Contains(*value, victim.ID) {
		return nil, nil
	}
	mine := []string{*identity.Person}
	if victim.IsOrg() {
		mine = append(mine, identity.Orgs[:min(1, len(identity.Orgs))]...)
	}
	var found []variant
	for _, me := range mine {
		for _, text := range alsoNaming(*value, victim.ID, me) {
			v := like
			v.values, v.kept = maps.Clone(like.values), c.Name
			v.values[c.Name] = &text
			owner, err := i.w.rows.OwnerOf(ctx, a.table, v.values)
			if err != nil {
				return nil, err
			}
			if owner == victim {
				found = append(found, v)
			}
		}
	}
	return found, nil
}

// alsoNaming are a text with one id in place of another, and with the id in place of each of its
// parts, before each and at the end.
func alsoNaming(text, other, me string) []string {
	separator := "/"
	if !strings.Contains(text, separator) && strings.Contains(text, ":") {
		separator = ":"
	}
	parts := strings.Split(text, separator)
	texts := []string{strings.ReplaceAll(text, other, me)}
	for n := range parts[:min(maxParts, len(parts))] {
		replaced, longer := slices.Clone(parts), slices.Insert(slices.Clone(parts), n, me)
		replaced[n] = me
		texts = append(texts, strings.Join(replaced, separator), strings.Join(longer, separator))
	}
	texts = append(texts, text+separator+me)
	slices.Sort(texts)
	return slices.Compact(texts)
}
