package functions

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// leakproof calls functions that are marked LEAKPROOF on the columns of tenants' tables, reads
// what they say in errors and notices, and measures how long they take. PostgreSQL trusts them
// with rows that policies would drop, if they are cheap (order_qual_clauses in its createplan.c).
type leakproof struct {
	setup    *setup.Setup // for the canaries, which are read at first use
	cat      *catalog.Catalog
	scope    *setup.Scope
	sample   []session.Session
	attempts *session.Attempts
	fixes    *fixes.Writer
	results  *results.Collector
	casts    map[[2]string]bool // see castsSQL
}

// NewLeakproof returns the check of functions that are marked LEAKPROOF.
func NewLeakproof(s *setup.Setup) setup.Check {
	return &leakproof{
		setup: s, cat: s.Model.Catalog, scope: s.Scope, sample: s.Victims.Sample(), attempts: s.Attempts,
		fixes: s.Fixes, results: s.Results,
	}
}

func (c *leakproof) Run(ctx context.Context) error {
	if err := c.loadCasts(ctx); err != nil {
		return err
	}
	for _, f := range c.cat.Functions {
		if !f.Leakproof || !f.Executable {
			continue
		}
		for _, t := range c.scope.Readable() {
			for _, column := range t.Columns {
				if !t.RLS || !column.Select || c.results.Leaks(t.String(), results.Read) {
					continue
				}
				for i, argument := range f.ArgTypes {
					if !c.takes(strings.TrimSuffix(argument, "[]"), column) && !t.IsRowType(argument) {
						continue
					}
					given := trusted{f, i, t, column}
					if err := c.readMessages(ctx, given); err != nil {
						return err
					}
					if err := c.measure(ctx, given); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// castsSQL lists the casts that PostgreSQL lets run before policies (contain_leaked_vars in its
// clauses.c).
const castsSQL = `
SELECT format_type(c.castsource, NULL), format_type(c.casttarget, NULL)
  FROM pg_cast c LEFT JOIN pg_proc p ON p.oid = c.castfunc
 WHERE c.castmethod = 'b' OR c.castmethod = 'f' AND p.proleakproof`

func (c *leakproof) loadCasts(ctx context.Context) error {
	rows, err := c.setup.Truth.Query(ctx, castsSQL)
	if err != nil {
		return fmt.Errorf("casts: %w", err)
	}
	c.casts = map[[2]string]bool{}
	var source, target string
	_, err = pgx.ForEachRow(rows, []any{&source, &target}, func() error {
		c.casts[[2]string{source, target}] = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("casts: %w", err)
	}
	return nil
}

// modifier is the length or the precision in a type's name, as in "character varying(60)".
var modifier = regexp.MustCompile(`\([0-9, -]+\)`)

// takes reports whether an argument of a type takes a column's values, as they are or by a cast
// that runs before policies.
func (c *leakproof) takes(argument string, column *catalog.Column) bool {
	plain := modifier.ReplaceAllString(column.Type, "")
	return argument == plain || argument == column.Domain || c.casts[[2]string{plain, argument}]
}

// trusted is a function that is given a column in one of its arguments.
type trusted struct {
	function *catalog.Function
	argument int
	table    *catalog.Relation
	column   *catalog.Column
}

// sql counts the rows for which the function answers.
func (f trusted) sql(guess string) string {
	value := query.Column("a", f.column.Name)
	switch kind := strings.TrimSuffix(f.function.ArgTypes[f.argument], "[]"); {
	case f.table.IsRowType(kind):
		value = "a"
	case kind == "character": // which would be of length 1 in a cast
		value += "::bpchar"
	case kind != f.column.Type && kind != f.column.Domain:
		value += "::" + kind
	}
	return fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s IS NOT NULL", f.table.SQL(), f.call(value, guess))
}

// call gives an SQL expression to the function. guess stands in every other argument of the same
// type, and a number in those of other types.
func (f trusted) call(value, guess string) string {
	arguments := make([]string, len(f.function.ArgTypes))
	for i, kind := range f.function.ArgTypes {
		switch list := strings.HasSuffix(kind, "[]"); {
		case i == f.argument && list:
			arguments[i] = "ARRAY[" + value + "]"
		case i == f.argument:
			arguments[i] = value
		case list:
			arguments[i] = "'{}'::" + kind
		case kind == strings.TrimSuffix(f.function.ArgTypes[f.argument], "[]"):
			arguments[i] = query.Literal(guess) + "::" + kind
		default:
			arguments[i] = "'1'::" + kind
		}
		if f.function.Variadic && i == len(f.function.ArgTypes)-1 {
			arguments[i] = "VARIADIC " + arguments[i]
		}
	}
	return f.function.SQL() + "(" + strings.Join(arguments, ", ") + ")"
}

// leak reports a leak. script is its proof or, where it is empty, the latest transaction is.
func (c *leakproof) leak(f trusted, s session.Session, script, evidence string) {
	c.results.Add(results.Finding{
		Kind: results.Leak, Operation: results.Read, Table: f.table.String(), As: s.Label, Script: script,
		Evidence: evidence + ", which is marked LEAKPROOF and runs before policies",
		Fix:      c.fixes.NotLeakproof(f.function), Functions: []string{f.function.String()},
	})
}

const (
	// rounds is how often the durations of a right and a wrong guess are compared.
	rounds = 4
	// longer is how much longer every right guess takes at least.
	longer = 4 * time.Millisecond
)

// measure reports a leak if the function takes longer for a value of a row that the session does
// not see than for one that no row has.
func (c *leakproof) measure(ctx context.Context, f trusted) error {
	known := c.results.Leaks(f.table.String(), results.Read)
	if known || f.column.Category != catalog.String || len(f.function.ArgTypes) < 2 {
		return nil
	}
	canaries, err := c.setup.ReadCanaries(ctx)
	if err != nil {
		return err
	}
	right := canaries.ValueOf(f.table, f.column.Name)
	if right == "" {
		return nil
	}
	wrong := strings.Repeat("\u00b7", len([]rune(right)))
	for _, s := range append([]session.Session{session.Unset, session.Empty}, c.sample...) {
		blind, slower := false, false
		err := c.attempts.Read(ctx, s, func(tx *session.Tx) (err error) {
			if err := tx.Exec(ctx, allRows); err != nil {
				return err
			}
			var visible int
			err = tx.QueryRow(ctx, "SELECT count(*) FROM "+f.table.SQL()).Scan(&visible)
			if blind = visible == 0; err != nil || !blind {
				return err
			}
			slower, err = tellsByDuration(ctx, tx, f.sql(right), f.sql(wrong))
			return err
		})
		if query.Lost(err) != nil {
			return err
		}
		if slower {
			c.leak(f, s, "", fmt.Sprintf("learned from how long %s takes whether a value of others begins with a "+
				"guess, and so can find it letter by letter", f.function))
		}
		if err == nil && blind {
			return nil
		}
	}
	return nil
}

// tellsByDuration reports whether the right statement takes longer than the wrong one in each of
// several rounds.
func tellsByDuration(ctx context.Context, tx *session.Tx, right, wrong string) (bool, error) {
	for range rounds {
		slow, err := duration(ctx, tx, right)
		if err != nil {
			return false, err
		}
		fast, err := duration(ctx, tx, wrong)
		if err != nil || slow < fast+longer || slow < 2*fast {
			return false, err
		}
	}
	return true, nil
}

func duration(ctx context.Context, tx *session.Tx, sql string) (time.Duration, error) {
	var n int
	started := time.Now()
	err := tx.QueryRow(ctx, sql).Scan(&n)
	return time.Since(started), err
}
