package trial

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// observe applies a fix, unless it is empty, in a transaction on a new connection, where no
// setting was ever set, and looks as sessions of the app role.
func (c Config) observe(ctx context.Context, f *results.Finding, fix string) (*observation, error) {
	conn, err := pgx.ConnectConfig(ctx, c.Owner)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // rolls back
	look := &looker{config: c, conn: conn}
	begin := fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d;",
		c.Budget.LockTimeout.Milliseconds(), c.Budget.StatementTimeout.Milliseconds())
	if err := query.Exec(ctx, conn, begin); err != nil {
		return nil, err
	}
	err = query.Exec(ctx, conn, fix)
	if query.SQLState(err) == query.LockNotAvailable {
		return nil, errLocked
	}
	if err != nil {
		return nil, err
	}
	if err := look.become(ctx); err != nil {
		return nil, err
	}
	o := &observation{}
	script := strings.TrimSuffix(strings.TrimPrefix(f.Script, "BEGIN;\n"), "ROLLBACK;")
	if o.proof, err = look.run(ctx, script); err != nil {
		return nil, err
	}
	for _, s := range c.Own {
		answers, err := look.own(ctx, s, c.Model.Catalog.Named(f.Table))
		if err != nil {
			return nil, err
		}
		o.own = append(o.own, answers...)
	}
	o.calls, err = query.Strings(ctx, conn, callsSQL)
	return o, err
}

const callsSQL = `
SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'USAGE')
   AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1`

// looker looks as sessions of the app role in one transaction of the owner.
type looker struct {
	config Config
	conn   *pgx.Conn
}

// become makes the transaction the app role's. As a superuser's, also what a script resets its
// role to is the app role.
func (l *looker) become(ctx context.Context) error {
	how := "ROLE"
	if l.conn.PgConn().ParameterStatus("is_superuser") == "on" {
		how = "SESSION AUTHORIZATION"
	}
	return query.Exec(ctx, l.conn, fmt.Sprintf("SET LOCAL %s %s", how, query.Name(l.config.AppRole)))
}

// outcome is what statements did, up to the first that failed, and the SQLSTATE of its error.
type outcome struct {
	steps []step
	state string
}

// step is what one statement did: the number of rows that it reached or counted, and its answer.
type step struct {
	rows int
	said string
}

// held reports whether a constraint held a write that policies had let pass, or an error said a
// value.
func (o outcome) held() bool {
	return strings.HasPrefix(o.state, string(query.IntegrityConstraintViolation)) ||
		strings.HasPrefix(o.state, string(query.DataException))
}

// shows reports whether the statements of a proof show the leak.
func (o outcome) shows() bool {
	return o.held() || o.state == "" && slices.ContainsFunc(o.steps, func(s step) bool { return s.rows > 0 })
}

// closedBy reports whether a statement that reached rows reaches none afterwards, or fails.
func (o outcome) closedBy(after outcome) bool {
	for i, s := range o.steps {
		if s.rows > 0 && (i >= len(after.steps) || after.steps[i].rows == 0) {
			return true
		}
	}
	return o.held() && !after.held() && !after.shows()
}

// run runs statements and takes back what they did. An error is one that says nothing about them.
func (l *looker) run(ctx context.Context, sql string) (outcome, error) {
	if sql == "" {
		return outcome{}, nil
	}
	if err := query.Exec(ctx, l.conn, "SAVEPOINT look"); err != nil {
		return outcome{}, err
	}
	ran, err := l.conn.PgConn().Exec(ctx, sql).ReadAll()
	o := outcome{state: query.SQLState(err)}
	if err != nil && (o.state == "" || o.state == query.LockNotAvailable || o.state == query.QueryCanceled) {
		return o, err
	}
	for _, result := range ran {
		if result.Err == nil {
			o.steps = append(o.steps, step{reached(result), said(result)})
		}
	}
	return o, query.Exec(ctx, l.conn, "ROLLBACK TO look")
}

// said are all values of a statement's answer, one a line.
func said(result *pgconn.Result) string {
	return string(bytes.Join(slices.Concat(result.Rows...), []byte("\n")))
}

// reached is the number of rows that a statement reached, or counted.
func reached(result *pgconn.Result) int {
	if result.CommandTag.String() == "TRUNCATE TABLE" {
		return 1
	}
	if len(result.FieldDescriptions) == 1 && len(result.Rows) == 1 {
		switch result.FieldDescriptions[0].Name {
		case "count":
			n, _ := strconv.Atoi(string(result.Rows[0][0]))
			return n
		case "set_config": // it only says whose session it is
			return 0
		}
	}
	return int(result.CommandTag.RowsAffected())
}

// own asks a session about its own rows: those that it sees in each table, and what it may do with
// those of the table that a fix is about.
func (l *looker) own(ctx context.Context, s session.Session, about *catalog.Relation) ([]answer, error) {
	answers, err := l.reads(ctx, s, l.config.Tables)
	if err != nil || about == nil || !l.config.Model.Of(about).Owned() {
		return answers, err
	}
	for _, write := range l.writes(about, s) {
		ran, err := l.run(ctx, s.Enter(l.config.Settings)+write.sql)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer{string(write.operation), about.String(), s.Label, ran.last()})
	}
	return answers, nil
}

// reads counts the rows that a session sees of each table. An error of one keeps it from the
// others, so then it looks at halves.
func (l *looker) reads(ctx context.Context, s session.Session, tables []*catalog.Relation) ([]answer, error) {
	if len(tables) == 0 {
		return nil, nil
	}
	counts := make([]string, len(tables))
	for i, t := range tables {
		counts[i] = l.countSQL(t, s)
	}
	ran, err := l.run(ctx, fmt.Sprintf("%sSELECT unnest(ARRAY[%s])", s.Enter(l.config.Settings),
		strings.Join(counts, ", ")))
	if err != nil {
		return nil, err
	}
	if ran.state != "" && len(tables) > 1 {
		half := len(tables) / 2
		first, err := l.reads(ctx, s, tables[:half])
		if err != nil {
			return nil, err
		}
		rest, err := l.reads(ctx, s, tables[half:])
		return append(first, rest...), err
	}
	if ran.state != "" {
		return []answer{{string(results.Read), tables[0].String(), s.Label, refused}}, nil
	}
	answers := make([]answer, len(tables))
	for i, count := range strings.Split(ran.steps[len(ran.steps)-1].said, "\n") {
		n, err := strconv.Atoi(count)
		if err != nil {
			return nil, err
		}
		answers[i] = answer{string(results.Read), tables[i].String(), s.Label, results.Plural(n, "row")}
	}
	return answers, nil
}

// What an answer says where it is no number of rows.
const (
	refused = "refused"
	held    = "held by a constraint"
)

// last is what the last statement gave.
func (o outcome) last() string {
	switch {
	case o.held():
		return held
	case o.state != "":
		return refused
	}
	return results.Plural(o.steps[len(o.steps)-1].rows, "row")
}

// mine is the condition, on the alias a, that a row is no other tenant's. Where a session cannot
// tell, it is whatever the session sees.
func (l *looker) mine(t *catalog.Relation, s session.Session) string {
	m := l.config.Model
	if m.Derived(t) {
		return "true"
	}
	return fmt.Sprintf("NOT coalesce(%s, false)", m.Foreign(t, "a", m.IdentitySQL(s.Identity), tenancy.Attacker))
}

// countSQL counts a session's own rows or, where it may not read whose a row is, whether it sees
// any.
func (l *looker) countSQL(t *catalog.Relation, s session.Session) string {
	if t.CanRead(l.config.Model.Of(t).Columns()...) {
		return fmt.Sprintf("(SELECT count(*) FROM %s a WHERE %s)", t.SQL(), l.mine(t, s))
	}
	return fmt.Sprintf("(SELECT count(*) FROM (SELECT FROM %s LIMIT 1) a)", t.SQL())
}

// ownWrite is a write of a session's own rows that changes nothing.
type ownWrite struct {
	operation results.Operation
	sql       string
}

func (l *looker) writes(t *catalog.Relation, s session.Session) []ownWrite {
	var insert []string
	update := ""
	for _, c := range t.Columns {
		if c.Generated || !c.Select {
			continue
		}
		if c.Insert {
			insert = append(insert, query.Name(c.Name))
		}
		if c.Update && update == "" {
			update = fmt.Sprintf("%[1]s = %[1]s", query.Name(c.Name))
		}
	}
	mine := l.mine(t, s)
	var writes []ownWrite
	if update != "" {
		sql := fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), update, mine)
		writes = append(writes, ownWrite{results.Update, sql})
	}
	if t.Delete {
		writes = append(writes, ownWrite{results.Delete, fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), mine)})
	}
	if len(insert) > 0 {
		sql := fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[1]s a WHERE %[3]s LIMIT 1", t.SQL(),
			strings.Join(insert, ", "), mine)
		writes = append(writes, ownWrite{results.Insert, sql})
	}
	return writes
}
