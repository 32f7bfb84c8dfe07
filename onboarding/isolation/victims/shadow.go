package victims

import (
	"context"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Shadow is what rows of temporary tables say: that the attacker has a part in what is the victim's.
type Shadow struct {
	Session session.Session
	Victim  tenancy.Tenant
	Posing  bool // the rows name the victim, a Person, where they would name the attacker
}

// ShadowsOf are the shadows of an attacker against a victim.
func ShadowsOf(s session.Session, v tenancy.Tenant) []Shadow {
	if v.IsOrg() {
		return []Shadow{{s, v, false}}
	}
	return []Shadow{{s, v, false}, {s, v, true}}
}

// Shadow returns a row for a temporary table in the place of a relation: [Rows.Favourable], below a
// row of the victim's where rows have parents, and with secrets that the attacker knows.
func (r *Rows) Shadow(ctx context.Context, t *catalog.Relation, shadow Shadow) (Values, error) {
	s, v := shadow.Session, shadow.Victim
	m := r.config.Model
	values, err := r.Favourable(ctx, t, s, v)
	if err != nil {
		return nil, err
	}
	if o := m.Of(t); !o.Direct() {
		if _, err := r.below(ctx, o, v, values); err != nil {
			return nil, err
		}
	}
	for _, c := range t.Columns {
		switch {
		case r.carried(t, c, s) != nil: // it is there already
		case shadow.Posing && c.Type == m.Users.Type && !slices.Contains(m.Of(t).Orgs, c.Name):
			values[c.Name] = &v.ID
		case m.IsSecret(t, c.Name):
			values[c.Name] = known(c)
		case c.Category == catalog.Boolean && tenancy.IsFormerFlag(catalog.Normalize(c.Name)):
			values[c.Name] = new("false")
		}
	}
	return values, nil
}

// known is a value that an attacker chooses, for a column that holds a secret elsewhere.
func known(c *catalog.Column) *string {
	if value, ok := typical[c.Type]; ok {
		return &value
	}
	must := *c
	must.NotNull = true
	return Imagine(&must)
}

// Told is a row that an attacker wrote, whose values calls of functions may name.
type Told struct {
	Table  *catalog.Relation
	Values Values
}

// Telling is the caller for an attacker who wrote some rows.
func (c *Caller) Telling(rows []Told) *Caller {
	told := *c
	told.told = rows
	return &told
}

// told are values of rows that the attacker wrote, in columns that the argument is named for and that
// lead to no other row.
func (a argument) told() literals {
	var found literals
	for _, row := range a.caller.told {
		for _, c := range row.Table.Columns {
			leads := slices.Contains(a.caller.model.Of(row.Table).Columns(), c.Name) ||
				slices.Contains(row.Table.Key, c.Name) || row.Table.InForeignKey(c.Name)
			like := c.Type == a.typ || a.isText() && c.Category == catalog.String
			if !leads && like && a.nameHas(catalog.Normalize(c.Name)) {
				found.add(row.Values[c.Name])
			}
		}
	}
	return found
}

// Given are the values that the row holds, as answers may repeat them.
func (t Told) Given() []string {
	var given []string
	for _, c := range t.Table.Columns {
		if value := t.Values[c.Name]; value != nil {
			given = append(given, *value)
		}
	}
	return given
}

// CreateSQL renders a temporary table in the place of the row's table, with the row in it.
func (t Told) CreateSQL() string {
	name := query.Name(t.Table.Name)
	definitions, literals := "", ""
	for i, c := range t.Table.Columns {
		if i > 0 {
			definitions, literals = definitions+", ", literals+", "
		}
		definitions += query.Name(c.Name) + " " + c.Type
		literals += c.Literal(t.Values[c.Name])
	}
	return "CREATE TEMPORARY TABLE " + name + " (" + definitions + ") ON COMMIT DROP; INSERT INTO pg_temp." + name +
		" VALUES (" + literals + "); GRANT ALL ON pg_temp." + name + " TO PUBLIC; "
}
