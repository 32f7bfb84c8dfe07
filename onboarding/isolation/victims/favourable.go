package victims

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Favourable returns a row as an attacker would like it to be: their own id wherever a Person
// stands, the victim's wherever an Org does, what their own session sets where a column is
// compared with it, and every flag set. The rest is as in the first of their own rows, or else of
// all.
func (r *Rows) Favourable(
	ctx context.Context, t *catalog.Relation, s session.Session, v tenancy.Tenant,
) (Values, error) {
	m := r.config.Model
	o, values := m.Of(t), Values{}
	row, err := r.likeOwn(ctx, t, s)
	if err != nil {
		return nil, err
	}
	for i, c := range t.Columns {
		switch {
		case c.Category == catalog.Boolean:
			values[c.Name] = new(strconv.FormatBool(!tenancy.IsFormerFlag(catalog.Normalize(c.Name))))
		case catalog.Normalize(c.Name) == "role" && c.Category == catalog.String && !m.IsMembership(t):
			values[c.Name] = new(Promoted)
		case row != nil:
			values[c.Name] = row[i]
		default:
			values[c.Name] = imagine.Value(c)
		}
		if own := r.identityPart(t, c, s); own != nil {
			values[c.Name] = own
		}
	}
	person := s.Identity.Person
	for _, c := range o.Persons {
		values[c] = person
	}
	if v.IsOrg() {
		for _, c := range o.Orgs {
			values[c] = &v.ID
		}
	}
	switch o.Class {
	case tenancy.ClassUsers:
		values[m.Users.ID] = person
	case tenancy.ClassOrgs:
		if v.IsOrg() {
			values[m.Orgs.ID] = &v.ID
		}
		if m.Membership.OwnerColumn != "" {
			values[m.Membership.OwnerColumn] = person
		}
	}
	return values, nil
}

// likeOwn returns the values of the first row that names the attacker, or else an Org of theirs, or
// of the first of all. Rows are in the order of their key, so the result does not depend on how they are stored.
// It returns nil if there is none.
func (r *Rows) likeOwn(ctx context.Context, t *catalog.Relation, s session.Session) ([]*string, error) {
	m, present := r.config.Model, "true"
	if m.IsMembership(t) {
		present = m.Membership.Present("a")
	}
	names := t.ColumnNames()
	order := ""
	if len(t.Key) > 0 {
		order = " ORDER BY " + query.Columns("a", t.Key)
	}
	var mine []string
	if s.Identity.Person != nil && len(m.Of(t).Persons) > 0 {
		mine = append(mine, m.Names(t, s.Identity))
	}
	if orgs := m.Of(t).Orgs; len(orgs) > 0 && len(s.Identity.Orgs) > 0 {
		mine = append(mine, m.IsOrg(t, "a", orgs[0], m.IdentitySQL(s.Identity)))
	}
	for _, condition := range mine {
		// OFFSET 0 keeps the planner from going through all rows in the order of the key.
		own := fmt.Sprintf("(SELECT * FROM %s a WHERE %s AND %s OFFSET 0)", t.SQL(), present, condition)
		if row, err := r.one(ctx, t, names, own+" a"+order); row != nil || err != nil {
			return row, err
		}
	}
	return r.one(ctx, t, names, t.SQL()+" a WHERE "+present+order)
}

// identityPart is the part of the session's own settings that the column is compared with, or nil.
// It is nil for columns that say whose a row is, for foreign keys and, where the settings hold
// ids, for keys.
func (r *Rows) identityPart(t *catalog.Relation, c *catalog.Column, s session.Session) *string {
	isID := slices.Contains(t.Key, c.Name) && r.config.Settings.Opening.UserQuery == ""
	if isID || slices.Contains(r.config.Model.Of(t).Columns(), c.Name) || t.InForeignKey(c.Name) {
		return nil
	}
	value, ok := r.config.Chosen.IdentityPart(s, c.Name)
	switch {
	case !ok:
		return nil
	case c.Category == catalog.String, c.Type == "uuid" && tenancy.IsUUID(value):
		return &value
	case c.Category == catalog.Numeric:
		if _, err := strconv.Atoi(value); err == nil {
			return &value
		}
	}
	return nil
}

// Promoted is what attackers write wherever a role or a level stands.
const Promoted = "admin"
