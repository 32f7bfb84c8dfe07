package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// shortestTelling is the length of the shortest text or number that tells a row from others beside
// its key: counts and flags are shorter.
const shortestTelling = 3

// Disclosure looks for rows of others in the answers to a session.
type Disclosure struct {
	Prover  *Prover
	Session session.Session
	// Reached are all relations that the answers may come from.
	Reached []*catalog.Relation
	// Least says that the least of a row is enough for [Disclosure.Told].
	Least bool
}

// Find is [Prover.Repeats] for an answer that nothing else calls another's: the row has a key of
// its own and, beside it, texts or numbers that are nowhere in the call or the function and that
// no row has that the session may have. No other relation that was reached has a row by that key,
// except those of others. A row that the session reads in the table itself was not disclosed by
// the answer.
func (d Disclosure) Find(ctx context.Context, t *catalog.Relation, a Answer) (*Proof, error) {
	p, s := d.Prover, d.Session
	if !hidesKeys(p.Model, t) {
		return nil, nil
	}
	key, telling := d.compared(t, a)
	if len(telling) == 0 {
		return nil, nil
	}
	found, err := p.Repeats(ctx, s.Identity, t, a)
	if err != nil || found == nil {
		return nil, err
	}
	identity := p.Model.IdentitySQL(s.Identity)
	others := []string{fmt.Sprintf("EXISTS (SELECT FROM %s a WHERE %s AND NOT coalesce(%s, false))", t.SQL(),
		strings.Join(telling, " AND "), p.Model.Foreign(t, "a", identity, tenancy.Truth))}
	for _, other := range d.Reached {
		if other == t || !slices.ContainsFunc(t.Key, func(name string) bool { return other.Column(name) != nil }) {
			continue
		}
		theirs := "false"
		if p.Model.Of(other).Owned() {
			theirs = fmt.Sprintf("coalesce(%s, false)", p.Model.Foreign(other, "a", identity, tenancy.Truth))
		}
		others = append(others, fmt.Sprintf("EXISTS (SELECT FROM %s a WHERE %s AND NOT %s)", other.SQL(),
			keyCondition(t, other, key), theirs))
	}
	var ambiguous bool
	err = p.Truth.QueryRow(ctx, "SELECT "+strings.Join(others, " OR ")).Scan(&ambiguous)
	if err != nil || ambiguous {
		return nil, err
	}
	reads, err := d.readsItself(ctx, t, keyCondition(t, t, key))
	if err != nil || reads {
		return nil, err
	}
	return found, nil
}

// hidesKeys reports whether a table has rows of tenants with keys that name no tenant.
func hidesKeys(m *tenancy.Model, t *catalog.Relation) bool {
	return len(t.Key) > 0 && m.Of(t).Class == tenancy.ClassTenant && !m.IsProfile(t) && !m.IsDirectory(t) &&
		!slices.ContainsFunc(t.Key, func(name string) bool { return slices.Contains(m.Of(t).Columns(), name) })
}

// compared are the key that an answer holds, by column, and conditions, on the alias a, for what
// else it tells of a row.
func (d Disclosure) compared(t *catalog.Relation, a Answer) (key map[string]string, telling []string) {
	key = map[string]string{}
	for _, f := range fieldsOf(d.Prover.Model, a, t) {
		if f.isKey {
			key[f.column.Name] = f.text
			continue
		}
		given := slices.ContainsFunc(a.Given, func(g string) bool { return strings.Contains(g, f.text) })
		content := f.column.Category == catalog.String || f.column.Category == catalog.Numeric
		if content && !f.isNull && !f.leads && !given && len(f.text) >= shortestTelling {
			telling = append(telling, f.condition())
		}
	}
	return key, telling
}

// keyCondition finds rows of another relation, on the alias a, by the values of a key of t.
func keyCondition(t, other *catalog.Relation, key map[string]string) string {
	conditions := []string{"true"}
	for name, value := range key {
		c, column := other.Column(name), query.Column("a", name)
		switch {
		case c == nil:
		case c.Type == t.Column(name).Type:
			conditions = append(conditions, column+" = "+c.Literal(&value)) // by its index
		default:
			conditions = append(conditions, column+"::text = "+query.Literal(value))
		}
	}
	return strings.Join(conditions, " AND ")
}

// readsItself reports whether a session finds a row of a table without any function.
func (d Disclosure) readsItself(
	ctx context.Context, t *catalog.Relation, condition string,
) (reads bool, err error) {
	err = d.Prover.Own.Read(ctx, d.Session, func(tx *session.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s)", t.SQL(), condition)).
			Scan(&reads)
	})
	return reads, query.Lost(err)
}

// Objects are the JSON objects in a JSON value that may be rows of a table, also those that one of
// its texts spells. What is inside such a row belongs to it: an order shows what was bought.
func Objects(document string, t *catalog.Relation) []string {
	var found []string
	decoder := json.NewDecoder(strings.NewReader(document))
	for {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return found
		}
		found = append(found, objects(value, t)...)
	}
}

func objects(value json.RawMessage, t *catalog.Relation) []string {
	var found []string
	switch value[0] {
	case '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(value, &members) != nil {
			return nil
		}
		if !slices.ContainsFunc(t.Key, func(name string) bool { return members[name] == nil }) {
			return []string{string(value)}
		}
		for _, member := range members {
			found = append(found, objects(member, t)...)
		}
	case '[':
		var elements []json.RawMessage
		if json.Unmarshal(value, &elements) != nil {
			return nil
		}
		for _, element := range elements {
			found = append(found, objects(element, t)...)
		}
	case '"':
		var text string
		if json.Unmarshal(value, &text) == nil && strings.HasPrefix(text, "{") {
			found = append(found, Objects(text, t)...)
		}
	}
	return found
}
