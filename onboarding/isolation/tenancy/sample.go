package tenancy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Reader runs a query in a session and returns its first column. Discovery reads views and foreign
// tables with it: reading them runs the platform's code, which must not have the rights of the
// truth.
type Reader func(context.Context, Reading) ([]string, error)

// Reading is a query in a session of a Person, who acts in an Org unless it is empty. Model is
// what was discovered so far.
type Reading struct {
	Model            *Model
	Person, Org, SQL string
}

// viewReaders is how many Persons, and how many members of Orgs, read a view for discovery.
const viewReaders = 3

// sampler reads values of relations.
type sampler struct {
	d       *discovery
	truth   query.Querier
	session Reader
	known   map[*catalog.Relation]map[string][]string
	readers []reader
}

type reader struct{ person, org string }

// of returns distinct values of the columns of a relation that hold uuids or text. A relation that
// cannot be read has none.
func (s *sampler) of(ctx context.Context, r *catalog.Relation) map[string][]string {
	if known, ok := s.known[r]; ok {
		return known
	}
	var columns []string
	for _, c := range r.Columns {
		if (c.Type == "uuid" || c.IsWord()) && (c.Select || r.HasRowIDs()) {
			columns = append(columns, query.Name(c.Name)+"::text")
		}
	}
	values := map[string][]string{}
	s.known[r] = values
	if len(columns) == 0 {
		return values
	}
	rows, err := s.strings(ctx, r, fmt.Sprintf("SELECT to_jsonb(s)::text FROM (SELECT %s FROM %s LIMIT %d) s",
		strings.Join(columns, ", "), r.SQL(), sampleSize))
	if err != nil {
		return values
	}
	for _, row := range rows {
		var cells map[string]*string
		if json.Unmarshal([]byte(row), &cells) != nil {
			continue
		}
		for name, cell := range cells {
			if cell != nil && !slices.Contains(values[name], *cell) {
				values[name] = append(values[name], *cell)
			}
		}
	}
	return values
}

// strings runs a query that reads one relation, with the rights of the truth or, where that would
// run the platform's code, as a few tenants.
func (s *sampler) strings(ctx context.Context, r *catalog.Relation, sql string) ([]string, error) {
	if r.HasRowIDs() {
		return query.Strings(ctx, s.truth, sql)
	}
	if err := s.chooseReaders(ctx); err != nil {
		return nil, err
	}
	var all []string
	var failure error
	for _, as := range s.readers {
		values, err := s.session(ctx, Reading{s.d.m, as.person, as.org, sql})
		if err != nil {
			failure = err
		}
		all = append(all, values...)
	}
	if len(all) > 0 {
		failure = nil
	}
	return all, failure
}

func (s *sampler) chooseReaders(ctx context.Context) error {
	if s.readers != nil {
		return nil
	}
	m := s.d.m
	rows, err := s.truth.Query(ctx, fmt.Sprintf(`(SELECT %[1]s::text, '' FROM %[2]s u ORDER BY 1 LIMIT %[3]d) UNION ALL
		(SELECT DISTINCT person::text, org::text FROM (%[4]s) mem WHERE present ORDER BY 2, 1 LIMIT %[3]d)`,
		query.Column("u", m.Users.ID), m.Users.Table.SQL(), viewReaders, m.MembersSQL()))
	if err != nil {
		return err
	}
	s.readers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r reader, err error) {
		err = row.Scan(&r.person, &r.org)
		return r, err
	})
	return err
}
