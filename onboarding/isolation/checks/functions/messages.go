package functions

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// allMessages makes the server send messages of every level that PL/pgSQL has, and allRows makes
// it read every row: an index by which a policy finds the session's own would leave the others
// out, and every session may do without one.
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
			text, err := c.messages(ctx, s, f.sql(guess))
			if err != nil {
				return err
			}
			script := c.attempts.Script()
			said := message{s, guess, text}
			rows, err := c.quoted(ctx, f, said)
			if err != nil {
				return err
			}
			for _, row := range rows {
				repeats, err := c.repeats(ctx, f, said, row.Value)
				if err != nil {
					return err
				}
				if repeats {
					c.leak(f, s, script,
						fmt.Sprintf("read a value of %s of %s in a message of %s", row.Key, row.Owner, f.function))
					return nil
				}
			}
		}
	}
	return nil
}

// message is what the server said to a session, after a call with a guess in other arguments.
type message struct {
	session     session.Session
	guess, text string
}

// messages returns the server's error and notices after a statement.
func (c *leakproof) messages(ctx context.Context, s session.Session, sql string) (text string, err error) {
	err = c.attempts.Read(ctx, s, func(tx *session.Tx) error {
		if err := tx.Exec(ctx, allMessages+allRows); err != nil {
			return err
		}
		_ = tx.Notices()
		var answer any
		err := tx.QueryRow(ctx, sql).Scan(&answer)
		text = query.Message(err) + "\n" + tx.Notices()
		return err
	})
	return text, query.Lost(err)
}

// messageSessions is how many sessions of the sample read messages.
const messageSessions = 4

const (
	// shortest is the length of the shortest value that is searched for, in characters.
	shortest = 3
	// distinctive is the length from which on no message contains a value by chance.
	distinctive = 8
	// maxQuoted is how many values a message is searched for.
	maxQuoted = 3
)

// quotedSQL finds values of which a message holds all or, in quotes, a part. It leaves out what a
// value of the session's own holds too, whatever its case.
const quotedSQL = `
SELECT %[1]s AS key, coalesce(%[2]s, 'somebody') AS owner, q.value FROM %[3]s a, LATERAL (
   SELECT a.%[4]s::text WHERE length(a.%[4]s::text) >= %[5]d AND strpos($1, a.%[4]s::text) > 0
   UNION ALL SELECT part FROM unnest($2::text[]) part WHERE strpos(a.%[4]s::text, part) > 0) q(value)
 WHERE %[6]s
   AND NOT EXISTS (SELECT FROM %[3]s b WHERE strpos(lower(b.%[4]s::text), lower(q.value)) > 0 AND NOT %[7]s)
 ORDER BY length(q.value) DESC LIMIT %[8]d`

// inQuotes matches what a message quotes, such as a value that is no number.
var inQuotes = regexp.MustCompile(fmt.Sprintf(`"([^"]{%d,})"`, distinctive))

// partsIn are texts that a message quotes and that do not stand in the function's source.
func (f trusted) partsIn(text string) []string {
	var parts []string
	for _, found := range inQuotes.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(f.function.Source, found[1]) {
			parts = append(parts, found[1])
		}
	}
	return parts
}

// quote is a row of another tenant, and its value that a message holds.
type quote struct{ Key, Owner, Value string }

// quoted returns rows of other tenants of which a message holds the value.
func (c *leakproof) quoted(ctx context.Context, f trusted, said message) ([]quote, error) {
	m, t, identity := c.setup.Model, f.table, c.setup.Model.IdentitySQL(said.session.Identity)
	if strings.TrimSpace(said.text) == "" || m.Of(t).AreTenants() && tenancy.IsPublicColumn(f.column.Name) {
		return nil, nil
	}
	sql := fmt.Sprintf(quotedSQL, m.RowKey(t, "a"), m.Owner(t, "a"), t.SQL(), query.Name(f.column.Name), shortest,
		m.Foreign(t, "a", identity, tenancy.Truth), m.Foreign(t, "b", identity, tenancy.Truth), maxQuoted)
	rows, err := c.setup.Truth.Query(ctx, sql, said.text, f.partsIn(said.text))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[quote])
}

// repeats reports whether a message contains a value because the function was given it. A message
// can contain a short one by chance. So the function is given another value, too, and has to send
// the same message with the other value in it.
func (c *leakproof) repeats(ctx context.Context, f trusted, said message, value string) (bool, error) {
	if len([]rune(value)) >= distinctive {
		return true, nil
	}
	other := strings.Map(substitute, value)
	if other == value {
		return false, nil
	}
	given := query.Literal(other) + "::" + strings.TrimSuffix(f.function.ArgTypes[f.argument], "[]")
	control, err := c.messages(ctx, said.session, "SELECT "+f.call(given, said.guess))
	if err != nil {
		return false, err
	}
	lines := strings.Split(said.text, "\n")
	for line := range strings.SplitSeq(control, "\n") {
		if strings.Contains(line, other) && slices.Contains(lines, strings.ReplaceAll(line, other, value)) {
			return true, nil
		}
	}
	return false, nil
}

// substitute maps a letter to another letter of its case, and a digit to another digit.
func substitute(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return 'a' + (r-'a'+13)%26
	case r >= 'A' && r <= 'Z':
		return 'A' + (r-'A'+13)%26
	case r >= '0' && r <= '9':
		return '0' + (r-'0'+5)%10
	}
	return r
}
