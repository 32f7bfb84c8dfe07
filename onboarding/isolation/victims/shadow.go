package victims

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Shadow says for whom rows of temporary tables are made: an attacker who claims a part in what is
// the victim's.
type Shadow struct {
	Session  session.Session
	Victim   tenancy.Tenant
	AsVictim bool // the rows name the victim, a Person, where they would name the attacker
}

// ShadowsOf are the kinds of rows with which an attacker goes for a victim.
func ShadowsOf(s session.Session, v tenancy.Tenant) []Shadow {
	if v.IsOrg() {
		return []Shadow{{s, v, false}}
	}
	return []Shadow{{s, v, false}, {s, v, true}}
}

// Shadow returns a row for a temporary table in the place of a relation: [Rows.Favourable], below
// a row of the victim's where rows have parents, and with secrets that the attacker knows.
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
		case r.identityPart(t, c, s) != nil: // Favourable has set it
		case shadow.AsVictim && c.Type == m.Users.Type && !slices.Contains(m.Of(t).Orgs, c.Name):
			values[c.Name] = &v.ID
		case m.IsSecret(t, c.Name):
			values[c.Name] = chosenSecret(c)
		case c.Category == catalog.Boolean && tenancy.IsFormerFlag(catalog.Normalize(c.Name)):
			values[c.Name] = new("false")
		}
	}
	return values, nil
}

// chosenSecret is a value that the attacker chooses for a column of secrets.
func chosenSecret(c *catalog.Column) *string {
	if value, ok := typical[c.Type]; ok {
		return &value
	}
	must := *c
	must.NotNull = true
	return imagine.Value(&must)
}

// OwnRow is a row of a temporary table that the attacker wrote.
type OwnRow struct {
	Table  *catalog.Relation
	Values Values
}

// WithRows returns a caller that also calls functions with values of rows that the attacker wrote.
func (c *Caller) WithRows(rows []OwnRow) *Caller {
	with := *c
	with.ownRows = rows
	return &with
}

// ownValues are values of rows that the attacker wrote, in columns that the argument is named for
// and that lead to no other row.
func (a argument) ownValues() literals {
	var found literals
	for _, row := range a.caller.ownRows {
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

// Given are the values of the row. An answer that repeats them proves nothing.
func (r OwnRow) Given() []string {
	var given []string
	for _, c := range r.Table.Columns {
		if value := r.Values[c.Name]; value != nil {
			given = append(given, *value)
		}
	}
	return given
}

// CreateSQL renders a temporary table in the place of the row's table, with the row in it.
func (r OwnRow) CreateSQL() string {
	definitions, literals := make([]string, len(r.Table.Columns)), make([]string, len(r.Table.Columns))
	for i, c := range r.Table.Columns {
		definitions[i], literals[i] = query.Name(c.Name)+" "+c.Type, c.Literal(r.Values[c.Name])
	}
	return fmt.Sprintf("CREATE TEMPORARY TABLE %[1]s (%[2]s) ON COMMIT DROP; "+
		"INSERT INTO pg_temp.%[1]s VALUES (%[3]s); GRANT ALL ON pg_temp.%[1]s TO PUBLIC; ",
		query.Name(r.Table.Name), strings.Join(definitions, ", "), strings.Join(literals, ", "))
}
