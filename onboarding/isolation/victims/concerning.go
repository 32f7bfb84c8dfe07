package victims

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// maxWords is how many values a column may hold to tell kinds of rows apart, unless policies ask
// for some of them, and wordsOf how many are looked at.
const maxWords, wordsOf = 12, 200

// concerning are queries for the Persons whom the rows of a table concern, as person, what tells
// the row from others, as kind, and whether the row has to do with the victim, as of_victim. A row
// concerns those whom it names, by id or by another unique text, or whom a row names to which it
// refers, or else the members of its Org.
func (c *Concerned) concerning(
	r *catalog.Relation, asked catalog.Asked, kind string, victim tenancy.Tenant,
) []string {
	m := c.victims.config.Model
	o := m.Of(r)
	ofVictim := fmt.Sprintf("coalesce(%s = %s, false)", m.Owner(r, "a"), query.Literal(victim.String()))
	for _, name := range append(m.Holding(r, victim.Kind), o.Either...) {
		ofVictim += fmt.Sprintf(" OR coalesce(%s::text = %s, false)", query.Column("a", name), query.Literal(victim.ID))
	}
	rows := fmt.Sprintf("(SELECT * FROM %s LIMIT %d) a CROSS JOIN LATERAL (SELECT %s AS kind, %s AS of_victim) w",
		r.SQL(), concernedOf, kind, ofVictim)
	var found []string
	add := func(person, join string) {
		found = append(found, fmt.Sprintf("SELECT %s::text AS person, w.kind || 'by %d'::text AS kind, w.of_victim "+
			"FROM %s %s", person, len(found), rows, join))
	}
	named := func(t *catalog.Relation, alias, join string) {
		if t == m.Users.Table {
			add(query.Column(alias, m.Users.ID), join)
			return
		}
		for _, c := range append(m.Holding(t, tenancy.Person), m.Of(t).Either...) {
			if asked.Names(c) {
				add(query.Column(alias, c), join)
			}
		}
	}
	named(r, "a", "")
	for _, fk := range r.ForeignKeys {
		if t := m.Catalog.Relation(fk.Target); t != nil && !m.IsTenants(t) {
			named(t, "p", fmt.Sprintf("JOIN %s p ON %s", t.SQL(), fk.JoinSQL("a", "p")))
		}
	}
	if len(found) == 0 && m.HasOrgs() {
		orgs := m.Holding(r, tenancy.Org)
		if r == m.Orgs.Table {
			orgs = []string{m.Orgs.ID}
		}
		for _, c := range orgs {
			add("g.person", "JOIN mem g ON g.present AND g.org::text = "+query.Column("a", c)+"::text")
		}
	}
	for _, c := range r.Columns {
		if r == m.Users.Table || c.Category != catalog.String || r.InForeignKey(c.Name) || !asked.Names(c.Name) {
			continue
		}
		for _, u := range m.Users.Table.Columns {
			if u.Category == catalog.String && u.Name != m.Users.ID && m.Users.Table.IsKey(u.Name) {
				add(query.Column("u", m.Users.ID), fmt.Sprintf("JOIN %s u ON lower(%s::text) = lower(%s::text)",
					m.Users.Table.SQL(), query.Column("u", u.Name), query.Column("a", c.Name)))
			}
		}
	}
	return found
}

// kind is an expression, on the alias a, for what the policies that ask a table tell its rows
// apart by: its words, flags and numbers, what they refer to that is no tenant's, and whether a
// time is over.
func (c *Concerned) kind(ctx context.Context, r *catalog.Relation, asked catalog.Asked) (string, error) {
	m := c.victims.config.Model
	parts := []string{"''"}
	for _, column := range r.Columns {
		if !asked.Names(column.Name) || slices.Contains(m.Of(r).Columns(), column.Name) ||
			m.IsSecret(r, column.Name) || r.IsKey(column.Name) {
			continue
		}
		if column.Type == "date" || strings.HasPrefix(column.Type, "timestamp") {
			parts = append(parts, "("+query.Column("a", column.Name)+" < now())::text")
		}
		words := column.Category == catalog.Boolean || column.Category == catalog.Numeric || column.IsWord() ||
			strings.HasPrefix(column.Type, "json")
		if r.InForeignKey(column.Name) {
			words = slices.ContainsFunc(r.ForeignKeys, func(fk catalog.ForeignKey) bool {
				t := m.Catalog.Relation(fk.Target)
				return slices.Equal(fk.Columns, []string{column.Name}) && t != nil && !m.Of(t).Owned()
			})
		}
		if !words {
			continue
		}
		part, err := c.word(ctx, r, column, asked)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	return "ARRAY[" + strings.Join(parts, ", ") + "]", nil
}

// word is an expression, on the alias a, for a column's value, if there are few, or if it is a
// constant of the policies.
func (c *Concerned) word(
	ctx context.Context, r *catalog.Relation, column *catalog.Column, asked catalog.Asked,
) (string, error) {
	words, known := c.words[column]
	if !known {
		var err error
		if words, err = c.victims.config.rarest(ctx, r, column.Name, wordsOf); err != nil {
			return "", err
		}
		c.words[column] = words
	}
	text := query.Column("a", column.Name) + "::text"
	if len(words) <= maxWords {
		return text, nil
	}
	constants := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !asked.Constant(word) })
	return fmt.Sprintf("CASE WHEN %[1]s = ANY(%[2]s::text[]) THEN %[1]s END", text, query.Array(constants)), nil
}
