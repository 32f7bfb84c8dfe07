package checks

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// leakproof calls functions that are marked LEAKPROOF on the columns of tenants' tables and reads
// what they say in errors. PostgreSQL trusts them with rows that policies would drop, if they are
// cheap (order_qual_clauses in its createplan.c).
type leakproof struct {
	setup    *Setup // for the canaries, which are read at first use
	canaries *victims.Canaries
	cat      *catalog.Catalog
	scope    *scope
	sample   []session.Session
	attempts *session.Attempts
	fixes    *fixes.Writer
	results  *results.Collector
}

func newLeakproof(s *Setup) *leakproof {
	return &leakproof{
		setup: s, cat: s.model.Catalog, scope: s.scope, sample: s.victims.Sample(), attempts: s.attempts,
		fixes: s.fixes, results: s.results,
	}
}

func (c *leakproof) run(ctx context.Context) (err error) {
	for _, f := range c.cat.Functions {
		if !f.Leakproof || !f.Executable || len(f.ArgTypes) != 1 {
			continue
		}
		if c.canaries, err = c.setup.readCanaries(ctx); err != nil {
			return err
		}
		for _, t := range c.scope.readable() {
			for _, column := range t.Columns {
				if !t.RLS || !column.Select || column.Type != f.ArgTypes[0] ||
					c.results.Leaks(t.String(), results.Read) {
					continue
				}
				if err := c.overhear(ctx, f, t, column); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// overhear reports a leak if the function's error holds a value of another tenant's row.
func (c *leakproof) overhear(
	ctx context.Context, f *catalog.Function, t *catalog.Relation, column *catalog.Column,
) error {
	for _, s := range c.sample[:min(probeSessions, len(c.sample))] {
		err := c.attempts.Read(ctx, s, func(tx *session.Tx) error {
			var n int
			return tx.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s(%s) IS NOT NULL", t.SQL(), f.SQL(),
				query.Column("a", column.Name))).Scan(&n)
		})
		if err == nil {
			continue
		}
		if query.SQLState(err) == "" {
			return err
		}
		if found := c.canaries.FindIn(query.Message(err), s); found != nil {
			c.results.Add(results.Finding{
				Kind: results.Leak, Operation: results.Read, Table: t.String(), As: s.Label,
				Evidence: fmt.Sprintf("read a value of %s of %s in an error of %s, which is marked LEAKPROOF and runs "+
					"before policies", found.Key, found.Owner, f),
				Fix: c.fixes.NotLeakproof(f), Functions: []string{f.String()},
			})
			return nil
		}
	}
	return nil
}
