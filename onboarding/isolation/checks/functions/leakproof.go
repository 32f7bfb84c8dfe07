package functions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// leakproof calls functions that are marked LEAKPROOF on the columns of tenants' tables, reads what
// they say in errors and notices, and measures how long they take. PostgreSQL trusts them with rows
// that policies would drop, if they are cheap (order_qual_clauses in its createplan.c).
type leakproof struct {
	setup    *setup.Setup // for the canaries, which are read at first use
	cat      *catalog.Catalog
	scope    *setup.Scope
	sample   []session.Session
	attempts *session.Attempts
	fixes    *fixes.Writer
	results  *results.Collector
}

// NewLeakproof returns the check of functions that are marked LEAKPROOF.
func NewLeakproof(s *setup.Setup) setup.Check {
	return &leakproof{
		setup: s, cat: s.Model.Catalog, scope: s.Scope, sample: s.Victims.Sample(), attempts: s.Attempts,
		fixes: s.Fixes, results: s.Results,
	}
}

func (c *leakproof) Run(ctx context.Context) error {
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
					if argument != column.Type {
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

// trusted is a function that is given a column in one of its arguments.
type trusted struct {
	function *catalog.Function
	argument int
	table    *catalog.Relation
	column   *catalog.Column
}

// sql counts the rows for which the function answers. guess stands in every other argument of the
// column's type, and a number in those that take one.
func (f trusted) sql(guess string) string {
	arguments := make([]string, len(f.function.ArgTypes))
	for i, kind := range f.function.ArgTypes {
		switch {
		case i == f.argument:
			arguments[i] = query.Column("a", f.column.Name)
		case kind == f.column.Type:
			arguments[i] = f.column.Literal(&guess)
		default:
			arguments[i] = "'1'::" + kind
		}
	}
	return fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s(%s) IS NOT NULL", f.table.SQL(), f.function.SQL(),
		strings.Join(arguments, ", "))
}

// allMessages makes the server send messages of every level that PL/pgSQL has, and allRows makes it
// read every row: an index by which a policy finds the session's own would leave the others out, and
// every session may do without one.
const (
	allMessages = "SET LOCAL client_min_messages = debug1;"
	allRows     = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; " +
		"SET LOCAL enable_bitmapscan = off"
)

// readMessages reports a leak if the function's error or notices hold a value of another tenant's
// row. Other arguments get guesses that sort among the column's values, before all of them, and
// after all of them.
func (c *leakproof) readMessages(ctx context.Context, f trusted) error {
	guesses := []string{"x", "", "~"}
	if len(f.function.ArgTypes) == 1 {
		guesses = guesses[:1] // no argument takes a guess
	}
	// To a session without an identity every row is another's.
	for _, s := range slices.Concat(c.sample[:min(messageSessions, len(c.sample))], []session.Session{session.Unset}) {
		for _, guess := range guesses {
			said := ""
			err := c.attempts.Read(ctx, s, func(tx *session.Tx) error {
				if err := tx.Exec(ctx, allMessages+allRows); err != nil {
					return err
				}
				_ = tx.Notices()
				var n int
				err := tx.QueryRow(ctx, f.sql(guess)).Scan(&n)
				said = query.Message(err) + tx.Notices()
				return err
			})
			if query.Lost(err) != nil {
				return err
			}
			key, owner, err := c.quoted(ctx, f, s, said)
			if err != nil {
				return err
			}
			if key != "" {
				c.leak(f, s, fmt.Sprintf("read a value of %s of %s in a message of %s", key, owner, f.function))
				return nil
			}
		}
	}
	return nil
}

// messageSessions is how many sessions of the sample read messages.
const messageSessions = 4

// shortest is how many characters a value has at least, so that no message holds it by chance.
const shortest = 8

const quotedSQL = `
SELECT %[1]s, coalesce(%[2]s, 'somebody') FROM %[3]s a
 WHERE length(a.%[4]s::text) >= %[5]d AND strpos($1, a.%[4]s::text) > 0 AND %[6]s
   AND NOT EXISTS (SELECT FROM %[3]s b WHERE b.%[4]s::text = a.%[4]s::text AND NOT %[7]s) LIMIT 1`

// quoted returns the row of another tenant's of which a message quotes the value, and its owner.
// Both are empty if there is none.
func (c *leakproof) quoted(
	ctx context.Context, f trusted, s session.Session, said string,
) (key, owner string, err error) {
	m, t, identity := c.setup.Model, f.table, c.setup.Model.IdentitySQL(s.Identity)
	if said == "" || m.Of(t).AreTenants() && tenancy.IsPublicColumn(f.column.Name) {
		return "", "", nil
	}
	sql := fmt.Sprintf(quotedSQL, m.RowKey(t, "a"), m.Owner(t, "a"), t.SQL(), query.Name(f.column.Name), shortest,
		m.Foreign(t, "a", identity, tenancy.Truth), m.Foreign(t, "b", identity, tenancy.Truth))
	err = c.setup.Truth.QueryRow(ctx, sql, said).Scan(&key, &owner)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", nil
	}
	return key, owner, err
}

func (c *leakproof) leak(f trusted, s session.Session, evidence string) {
	c.results.Add(results.Finding{
		Kind: results.Leak, Operation: results.Read, Table: f.table.String(), As: s.Label,
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
			c.leak(f, s, fmt.Sprintf("learned from how long %s takes whether a value of others begins with a guess, "+
				"and so can find it letter by letter", f.function))
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
