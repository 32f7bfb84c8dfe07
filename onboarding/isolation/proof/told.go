package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// toldRows is how many rows of a victim's an answer is compared with, and toldRowsOfAll of
	// anybody's.
	toldRows, toldRowsOfAll = 100, 5000
	// toldTexts is how many texts of an answer are compared, and toldLike how many rows that hold
	// some of them.
	toldTexts, toldLike = 1000, 5
	// shortestWord is the length of the shortest text that may tell a row from others, and
	// shortestPart that of one inside a longer text.
	shortestWord, shortestPart = 4, 8
	// enoughTold is what values of one row have to weigh together: a text as much as two numbers
	// or dates.
	enoughTold = 2
)

// Told finds a row of a victim's, in a table, that an answer tells about under any names and
// without its key: it holds a text, or two numbers or dates, which are nowhere in the call or the
// code, and which no other row of what was reached holds. Without a victim, it may be anybody's.
// It returns nil if there is none, or if the session reads the row in the table itself.
func (d Disclosure) Told(ctx context.Context, of VictimRows, a Answer) (*Proof, error) {
	p, t, texts := d.Prover, of.Table, Texts(a.JSON)
	held := heldTexts(p.Model, t)
	if p.Model.Of(t).Class != tenancy.ClassTenant || p.Model.IsProfile(t) || p.Model.IsDirectory(t) ||
		len(texts) == 0 || len(held) == 0 || d.Session.Identity.Is(of.Victim) {
		return nil, nil
	}
	like, err := d.like(ctx, of, texts)
	if err != nil {
		return nil, err
	}
	given := strings.ToLower(strings.Join(a.Given, "\n"))
	isGiven := func(v string) bool { return strings.Contains(given, strings.ToLower(v)) }
	enough := enoughTold
	if d.Least {
		enough = 1
	}
	for _, row := range like {
		values := slices.DeleteFunc(row.values, isGiven)
		if weight(values) < enough {
			continue
		}
		if values, err = d.unique(ctx, of, values); err != nil {
			return nil, err
		}
		if weight(values) < enough {
			continue
		}
		var conditions []string
		for _, v := range values {
			conditions = append(conditions, query.Literal(v)+" IN ("+strings.Join(held, ", ")+")")
		}
		reads, err := d.readsItself(ctx, t, strings.Join(conditions, " AND "))
		if err != nil || !reads {
			return &Proof{Owner: row.owner, Key: row.key, Rows: 1}, err
		}
	}
	return nil, nil
}

// likeRow is a row that holds some texts of an answer.
type likeRow struct {
	owner, key string
	values     []string
}

// like are rows of a victim's that are not the session's and hold some of the texts, those first
// that hold the most.
func (d Disclosure) like(ctx context.Context, of VictimRows, texts []string) ([]likeRow, error) {
	m, t := d.Prover.Model, of.Table
	owned, most := m.OwnedBy(t, of.Victim), toldRows
	if of.Victim.ID == "" {
		owned, most = "true", toldRowsOfAll
	}
	rows, err := d.Prover.Truth.Query(ctx,
		fmt.Sprintf(`SELECT coalesce(%s, 'others'), coalesce(%s, ''), array_agg(v.text)
		FROM (SELECT * FROM %s a WHERE %s AND %s LIMIT %d) a, LATERAL (VALUES (%s)) v(text)
		WHERE v.text = ANY($1) OR length(v.text) >= %d AND strpos($2, v.text) > 0
		GROUP BY 1, 2 ORDER BY count(*) DESC, 2 LIMIT %d`,
			m.Owner(t, "a"), m.RowKey(t, "a"), t.SQL(), owned,
			m.Foreign(t, "a", m.IdentitySQL(d.Session.Identity), tenancy.Truth), most,
			strings.Join(heldTexts(m, t), "), ("), shortestPart, toldLike), texts, strings.Join(texts, "\n"))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (found likeRow, err error) {
		return found, row.Scan(&found.owner, &found.key, &found.values)
	})
}

// letters are in no number or date.
var letters = regexp.MustCompile(`\pL.*\pL`)

// weight is what values tell of their row.
func weight(values []string) int {
	sum := 0
	for _, v := range values {
		switch {
		case len(v) >= shortestWord && unicode.IsLetter([]rune(v)[0]) || letters.FindString(v) != "":
			sum += 2
		case len(v) >= shortestTelling:
			sum++
		}
	}
	return sum
}

// unique are those of some values that only rows of a victim's and of others hold: none that the
// session may have, and in the table itself none but the victim's.
func (d Disclosure) unique(ctx context.Context, of VictimRows, values []string) ([]string, error) {
	p := d.Prover
	identity := p.Model.IdentitySQL(d.Session.Identity)
	reached := []*catalog.Relation{of.Table, p.Model.Users.Table, p.Model.Orgs.Table}
	var others []string
	for _, r := range append(reached, d.Reached...) {
		if r == nil || !r.IsTable() {
			continue
		}
		held, theirs := heldTexts(p.Model, r), "false"
		switch {
		case r == of.Table && of.Victim.ID != "":
			theirs = p.Model.OwnedBy(r, of.Victim)
		case p.Model.Of(r).Class == tenancy.ClassTenant:
			theirs = p.Model.Foreign(r, "a", identity, tenancy.Truth)
		}
		if len(held) > 0 {
			others = append(others,
				fmt.Sprintf("NOT EXISTS (SELECT FROM %s a WHERE v IN (%s) AND NOT coalesce(%s, false))",
					r.SQL(), strings.Join(held, ", "), theirs))
		}
	}
	return query.Strings(ctx, p.Truth,
		"SELECT v FROM unnest($1::text[]) v WHERE "+strings.Join(others, " AND "), values)
}

// heldTexts are expressions, on the alias a, for the texts, numbers and dates of a row as JSON
// spells them, without keys and whom the row names.
func heldTexts(m *tenancy.Model, t *catalog.Relation) []string {
	var held []string
	for _, c := range t.Columns {
		leads := slices.Contains(t.Key, c.Name) || t.InForeignKey(c.Name) || slices.Contains(m.Of(t).Columns(), c.Name)
		if !leads &&
			slices.Contains([]catalog.Category{catalog.String, catalog.Numeric, catalog.DateTime}, c.Category) {
			held = append(held, fmt.Sprintf("to_jsonb(%s) #>> '{}'", query.Column("a", c.Name)))
		}
	}
	return held
}

// Texts are the texts and numbers in JSON documents.
func Texts(documents string) []string {
	var found []string
	decoder := json.NewDecoder(strings.NewReader(documents))
	decoder.UseNumber()
	for len(found) < toldTexts {
		var value any
		if decoder.Decode(&value) != nil {
			break
		}
		found = append(found, Leaves(value)...)
	}
	return found[:min(len(found), toldTexts)]
}

// Leaves are the texts and numbers in a JSON value that are not empty.
func Leaves(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			found = append(found, Leaves(value[name])...)
		}
	case []any:
		for _, element := range value {
			found = append(found, Leaves(element)...)
		}
	case string:
		if value != "" {
			found = append(found, value)
		}
	case json.Number:
		if n, err := value.Float64(); err == nil && n != 0 {
			found = append(found, value.String())
		}
	}
	return found
}
