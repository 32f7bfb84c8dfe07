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

// SharingSQL is the query of the configuration for the rows of a relation that are shared with
// single Persons, as pairs of the row's key and the Person's id, or "" where none is.
func SharingSQL(m *Model, r *catalog.Relation, to Share) string {
	t := m.tables[r.OID]
	switch {
	case to == ToWrite:
		return t.Writers
	case t.Readers != "" && t.Writers != "":
		return fmt.Sprintf("SELECT * FROM (%s) readers UNION ALL SELECT * FROM (%s) writers", t.Readers, t.Writers)
	}
	return cmp.Or(t.Readers, t.Writers)
}

// SharedWith is an expression for the ids, as text[], of the Persons with whom a row, or one that
// it goes with, is shared. It is "" where no row is. Only the truth evaluates it.
func SharedWith(m *Model, r *catalog.Relation, alias string, to Share) string {
	return sharedWith(m, r, alias, to, 0)
}

func sharedWith(m *Model, r *catalog.Relation, alias string, to Share, depth int) string {
	if depth > maxDepth {
		return ""
	}
	var parts []string
	if sql := SharingSQL(m, r, to); sql != "" && len(r.Key) == 1 {
		parts = append(parts, fmt.Sprintf("ARRAY(SELECT shared.person::text FROM (%s) shared(key, person) "+
			"WHERE shared.key::text = %s::text)", sql, query.Column(alias, r.Key[0])))
	}
	for _, p := range m.Of(r).Parents {
		up := fmt.Sprintf("shared%d", depth+1)
		if above := sharedWith(m, p.Table, up, to, depth+1); above != "" {
			parts = append(parts, fmt.Sprintf("coalesce((SELECT %s FROM %s %s WHERE %s LIMIT 1), '{}')", above,
				p.Table.SQL(), up, p.JoinSQL(alias, up)))
		}
	}
	return strings.Join(parts, " || ")
}

// IsShared is the condition that a row, or one that it goes with, is shared with the identity's
// Person, or "" where no row is. Only the truth evaluates it.
func IsShared(m *Model, r *catalog.Relation, alias string, w IdentitySQL, to Share) string {
	persons := SharedWith(m, r, alias, to)
	if persons == "" {
		return ""
	}
	return fmt.Sprintf("coalesce(%s::text = ANY(%s), false)", w.Person, persons)
}

// unlessShared narrows a condition down to rows that are not shared with the identity's Person.
func unlessShared(m *Model, r *catalog.Relation, alias string, w IdentitySQL, to Share, condition string) string {
	if shared := IsShared(m, r, alias, w, to); shared != "" {
		return fmt.Sprintf("(NOT %s AND %s)", shared, condition)
	}
	return condition
}

// trySharing evaluates the queries for rows that are shared for no row, so what the server refuses
// ends the check.
func (d *discovery) trySharing(ctx context.Context, q query.Querier) error {
	for _, r := range d.m.Catalog.Relations {
		for key, sql := range map[string]string{"readers": d.m.tables[r.OID].Readers, "writers": d.m.tables[r.OID].Writers} {
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
