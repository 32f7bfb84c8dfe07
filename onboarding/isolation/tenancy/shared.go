package tenancy

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Share is what Persons may do with a row that is shared with them.
type Share bool

const (
	// ToRead is to read the row.
	ToRead Share = false
	// ToWrite is to change and delete it, which implies that they may read it.
	ToWrite Share = true
)

// Sharing says which rows are shared with single Persons, by the queries of the configuration.
// Only the truth evaluates its SQL.
type Sharing struct {
	model *Model
	to    Share
}

// Shared returns which rows are shared.
func Shared(m *Model, to Share) Sharing { return Sharing{m, to} }

// Query is the query for the rows of a relation that are shared, as pairs of the row's key and the
// Person's id, or "" where none is.
func (s Sharing) Query(r *catalog.Relation) string {
	t := s.model.tables[r.OID]
	switch {
	case s.to == ToWrite:
		return t.Writers
	case t.Readers != "" && t.Writers != "":
		return fmt.Sprintf("SELECT * FROM (%s) readers UNION ALL SELECT * FROM (%s) writers", t.Readers, t.Writers)
	}
	return cmp.Or(t.Readers, t.Writers)
}

// Persons is an expression for the ids, as text[], of the Persons with whom a row, or one that it
// goes with, is shared. It is "" where no row is.
func (s Sharing) Persons(r *catalog.Relation, alias string) string { return s.persons(r, alias, 0) }

func (s Sharing) persons(r *catalog.Relation, alias string, depth int) string {
	if depth > maxDepth {
		return ""
	}
	var parts []string
	if sql := s.Query(r); sql != "" && len(r.Key) == 1 {
		parts = append(parts, fmt.Sprintf("ARRAY(SELECT shared.person::text FROM (%s) shared(key, person) "+
			"WHERE shared.key::text = %s::text)", sql, query.Column(alias, r.Key[0])))
	}
	for _, p := range s.model.Of(r).Parents {
		up := fmt.Sprintf("shared%d", depth+1)
		if above := s.persons(p.Table, up, depth+1); above != "" {
			parts = append(parts, fmt.Sprintf("coalesce((SELECT %s FROM %s %s WHERE %s LIMIT 1), '{}')", above,
				p.Table.SQL(), up, p.JoinSQL(alias, up)))
		}
	}
	return strings.Join(parts, " || ")
}

// With is the condition that a row, or one that it goes with, is shared with the identity's
// Person. It is "" where no row is.
func (s Sharing) With(w IdentitySQL, r *catalog.Relation, alias string) string {
	persons := s.Persons(r, alias)
	if persons == "" {
		return ""
	}
	return fmt.Sprintf("coalesce(%s::text = ANY(%s), false)", w.Person, persons)
}

// SharedToRead is the condition that a row is shared with a Person who may not change it. It is ""
// where no row is.
func SharedToRead(m *Model, r *catalog.Relation, alias string) string {
	readers := Shared(m, ToRead).Persons(r, alias)
	if readers == "" {
		return ""
	}
	return fmt.Sprintf("NOT (%s) <@ (%s)", readers, cmp.Or(Shared(m, ToWrite).Persons(r, alias), "'{}'::text[]"))
}

// trySharing evaluates the queries for rows that are shared for no row, so what the server refuses
// ends the check.
func trySharing(ctx context.Context, m *Model, q query.Querier) error {
	for _, r := range m.Catalog.Relations {
		t := m.tables[r.OID]
		for key, sql := range map[string]string{"readers": t.Readers, "writers": t.Writers} {
			if sql == "" {
				continue
			}
			if !r.HasRowIDs() || len(r.Key) != 1 {
				return fmt.Errorf("tables[%q].%s: %s is no table with a key of one column", r, key, r)
			}
			_, err := query.Strings(ctx, q, fmt.Sprintf("SELECT shared.key::text || shared.person::text FROM (%s) "+
				"shared(key, person) LIMIT 0", sql))
			if err != nil {
				return fmt.Errorf("tables[%q].%s: %w", r, key, err)
			}
		}
	}
	return nil
}
