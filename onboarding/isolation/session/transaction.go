package session

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Conn is a connection of the app role. Sessions of one shape take turns on it.
type Conn struct {
	dialer *Dialer
	conn   *pgx.Conn
	ran    transcript
	// stale says that settings are empty that a later session needs unset.
	stale bool
	// heard are the latest notices.
	heard notices
	// entry are the statements that begin the transaction and make it the session's, until they
	// are sent.
	entry []string
	// refused is why the server refused them, which ends the transaction.
	refused error
	// failed says that the first message of the transaction did.
	failed bool
	// left says that the latest transaction is left to the next one, which begins with its
	// rollback.
	left bool
	// shared says that nothing but the transactions of attempts runs on the connection. One that
	// failed is left: the server has undone it and released its locks.
	shared bool
	// apart says that nothing but reads runs on the connection, until it is closed. Each is left.
	apart bool
}

// Pgx is the connection itself.
func (c *Conn) Pgx() *pgx.Conn { return c.conn }

// Apart says that nothing but reads will run on the connection, one right after the other, until
// it is closed. The locks of each stay until the next one begins.
func (c *Conn) Apart() { c.apart = true }

// Close closes the connection, also after ctx has ended.
func (c *Conn) Close(ctx context.Context) { _ = c.conn.Close(context.WithoutCancel(ctx)) }

// Read calls f in a read-only transaction of a session and rolls it back. Where a helper of the
// platform's writes, f is called once more in a transaction that may.
func (c *Conn) Read(ctx context.Context, s Session, f func(*Tx) error) error {
	err := c.run(ctx, bounds{"BEGIN READ ONLY;", "ROLLBACK"}, s, f)
	if query.SQLState(err) == query.ReadOnlyTransaction {
		return c.run(ctx, bounds{"BEGIN READ WRITE;", "ROLLBACK"}, s, f)
	}
	return err
}

// Write calls f in a transaction of a session and rolls it back.
func (c *Conn) Write(ctx context.Context, s Session, f func(*Tx) error) error {
	return c.run(ctx, bounds{"BEGIN;", "ROLLBACK"}, s, f)
}

// Touch runs a statement in a transaction of a session and rolls it back in the same message.
// Where it touches rows, it is run once more, and f is called in that transaction with their
// number.
func (c *Conn) Touch(ctx context.Context, s Session, sql string, f func(tx *Tx, rows int) error) error {
	rows := 0
	err := c.Write(ctx, s, func(*Tx) error {
		c.ran.add(sql)
		results, err := c.send(ctx, sql+";ROLLBACK")
		rows = query.Affected(results)
		return err
	})
	if err != nil || rows == 0 {
		return err
	}
	return c.Write(ctx, s, func(tx *Tx) error {
		rows, err := tx.Affected(ctx, sql)
		if err != nil {
			return err
		}
		return f(tx, rows)
	})
}

// Snapshot is Write in a transaction that does not see what others commit meanwhile.
func (c *Conn) Snapshot(ctx context.Context, s Session, f func(*Tx) error) error {
	return c.run(ctx, bounds{"BEGIN ISOLATION LEVEL REPEATABLE READ;", "ROLLBACK"}, s, f)
}

// Keep calls f in a read-only transaction of a session and commits it: it changes no row, and what
// the session remembers stays for the next one on the connection.
func (c *Conn) Keep(ctx context.Context, s Session, f func(*Tx) error) error {
	err := c.run(ctx, bounds{"BEGIN READ ONLY;", "COMMIT"}, s, f)
	if query.SQLState(err) == query.ReadOnlyTransaction {
		keep := func(tx *Tx) error { return c.keepTemporary(ctx, tx, f) }
		return c.run(ctx, bounds{"BEGIN READ WRITE;", "ROLLBACK"}, s, keep)
	}
	return err
}

// A statement that writes to a table holds this lock until the transaction ends.
const wroteOnlyTemporarySQL = `
SELECT NOT EXISTS (SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
 WHERE l.pid = pg_backend_pid() AND l.mode IN ('RowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
   AND c.relpersistence <> 't' AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace))`

// keepTemporary calls f and commits if it wrote to nothing but temporary tables of the connection.
func (c *Conn) keepTemporary(ctx context.Context, tx *Tx, f func(*Tx) error) error {
	if err := f(tx); err != nil {
		return err
	}
	if err := c.enter(ctx); err != nil {
		return err
	}
	var temporary bool
	if err := c.conn.QueryRow(ctx, wroteOnlyTemporarySQL).Scan(&temporary); err != nil || !temporary {
		return err
	}
	return query.Exec(ctx, c.conn, "COMMIT")
}

// bounds are the statements that begin and end a transaction.
type bounds struct{ begin, end string }

func (c *Conn) run(ctx context.Context, within bounds, s Session, f func(*Tx) error) error {
	c.ran.begin(s)
	c.failed = false
	c.entry, c.refused = append([]string{within.begin}, s.entry(c.dialer.config.Settings)...), nil
	err := f(&Tx{Session: s, conn: c})
	if c.refused != nil {
		err = c.refused
	}
	if c.entry != nil {
		c.entry = nil // nothing was sent
		return err
	}
	const idle = 'I'
	if c.conn.PgConn().TxStatus() == idle {
		return err // the transaction has ended
	}
	if c.failed && c.shared || c.apart {
		c.left = true
		return err
	}
	if end := query.Exec(context.WithoutCancel(ctx), c.conn, within.end); end != nil && err == nil {
		err = end
	}
	return err
}

// enter sends the statements that begin the transaction, if they were not sent yet.
func (c *Conn) enter(ctx context.Context) error {
	if c.entry != nil {
		entry := strings.Join(c.takeRollback(), "") + strings.Join(c.entry, "")
		c.entry = nil
		c.refused = query.Exec(ctx, c.conn, entry)
	}
	return c.refused
}

// takeRollback returns the statement that ends the latest transaction, if it is left to the next
// one.
func (c *Conn) takeRollback() (statements []string) {
	if c.left {
		c.left = false
		statements = append(statements, "ROLLBACK;")
	}
	return statements
}

// send runs statements. The first ones of a transaction go in one message with those that begin
// it.
func (c *Conn) send(ctx context.Context, sql string) ([]*pgconn.Result, error) {
	entry := c.entry
	if entry == nil {
		return query.Run(ctx, c.conn, sql)
	}
	c.entry = nil
	before := append(c.takeRollback(), entry...)
	results, err := query.Run(ctx, c.conn, strings.Join(before, "")+sql)
	if len(results) >= len(before) {
		c.failed = query.SQLState(err) != ""
		return results[len(before):], err
	}
	if lost := query.Lost(err); lost != nil {
		return nil, lost
	}
	// The server refused a statement of the entry, or could not parse sql. The entry alone shows
	// which.
	if err := query.Exec(ctx, c.conn, "ROLLBACK"); err != nil {
		return nil, err
	}
	c.entry = entry
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	return query.Run(ctx, c.conn, sql)
}

// Attempts runs the transactions of sessions of every shape, one at a time.
type Attempts struct {
	dialer *Dialer
	conns  map[shape]*Conn
	// current runs the transaction that is under way, and latest ran the one before.
	current, latest *Conn
	// aborted is the connection whose failed transaction is not rolled back yet.
	aborted *Conn
	// untouched are statements of sessions that touched no row.
	untouched map[string]bool
}

// maxUntouched bounds how many statements that touched no row are remembered.
const maxUntouched = 5000

// NewAttempts returns attempts on connections that the dialer opens as they are needed.
func NewAttempts(dialer *Dialer) *Attempts {
	a := &Attempts{dialer: dialer, conns: map[shape]*Conn{}, untouched: map[string]bool{}}
	if dialer.first != nil {
		a.conns[Unset.shape()], dialer.first = dialer.first, nil
	}
	return a
}

// Read calls f in a read-only transaction of a session and rolls it back.
func (a *Attempts) Read(ctx context.Context, s Session, f func(*Tx) error) error {
	return a.run(ctx, s, func(c *Conn) error { return c.Read(ctx, s, f) })
}

// Write calls f in a transaction of a session and rolls it back.
func (a *Attempts) Write(ctx context.Context, s Session, f func(*Tx) error) error {
	return a.run(ctx, s, func(c *Conn) error { return c.Write(ctx, s, f) })
}

// Touch runs a statement in a transaction of a session and rolls it back in the same message.
// Where it touches rows, it is run once more, and f is called in that transaction with their
// number. Where it touched none before, it is not run again for a session that sets the same.
func (a *Attempts) Touch(ctx context.Context, s Session, sql string, f func(tx *Tx, rows int) error) error {
	if a.untouched[a.touch(s, sql)] {
		return nil
	}
	touched := false
	err := a.run(ctx, s, func(c *Conn) error {
		return c.Touch(ctx, s, sql, func(tx *Tx, rows int) error {
			touched = true
			return f(tx, rows)
		})
	})
	if err == nil && !touched {
		a.remember(s, sql)
	}
	return err
}

// touch identifies what a session runs: kinds of attackers that set the same are one.
func (a *Attempts) touch(s Session, sql string) string {
	return strings.Join(append(s.entry(a.dialer.config.Settings), sql), "")
}

func (a *Attempts) remember(s Session, sql string) {
	if len(a.untouched) < maxUntouched {
		a.untouched[a.touch(s, sql)] = true
	}
}

// TouchAll runs statements in one message, each in a transaction of the session that is rolled
// back, as far as the server refuses none. Touch does not run those again that touched no row.
func (a *Attempts) TouchAll(ctx context.Context, s Session, statements []string) error {
	known := func(sql string) bool { return a.untouched[a.touch(s, sql)] }
	statements = slices.DeleteFunc(slices.Clone(statements), known)
	if len(statements) < 2 {
		return nil
	}
	var results []*pgconn.Result
	before := append([]string{"BEGIN;"}, s.entry(a.dialer.config.Settings)...)
	err := a.Write(ctx, s, func(tx *Tx) (err error) {
		between := ";ROLLBACK;" + strings.Join(before, "")
		results, err = tx.conn.send(ctx, strings.Join(statements, between)+";ROLLBACK")
		return err
	})
	each := len(before) + 2 // with the statement itself and its rollback
	for i, sql := range statements {
		if at := i * each; at < len(results) && results[at].CommandTag.RowsAffected() == 0 {
			a.remember(s, sql)
		}
	}
	return query.Lost(err)
}

// Snapshot is Write in a transaction that does not see what others commit meanwhile.
func (a *Attempts) Snapshot(ctx context.Context, s Session, f func(*Tx) error) error {
	return a.run(ctx, s, func(c *Conn) error { return c.Snapshot(ctx, s, f) })
}

func (a *Attempts) run(ctx context.Context, s Session, f func(*Conn) error) error {
	c := a.conns[s.shape()]
	if c == nil || c.conn.IsClosed() {
		var err error
		if c, err = a.dialer.Open(ctx); err != nil {
			return err
		}
		a.conns[s.shape()] = c
	}
	if a.aborted != c {
		a.RollBack(ctx)
	}
	c.shared = true
	outer := a.current
	a.current = c
	err := f(c)
	a.current, a.latest = outer, c
	if a.aborted != c {
		a.RollBack(ctx)
	}
	a.aborted = nil
	if c.left {
		a.aborted = c
	}
	if c.stale {
		c.Close(ctx)
	}
	return err
}

// RollBack ends the transaction that failed last, which is left to the next one of its connection.
// Call it when none may follow soon.
func (a *Attempts) RollBack(ctx context.Context) {
	if c := a.aborted; c != nil && !c.conn.IsClosed() {
		_ = query.Exec(context.WithoutCancel(ctx), c.conn, strings.Join(c.takeRollback(), ""))
	}
	a.aborted = nil
}

// Close closes all connections.
func (a *Attempts) Close(ctx context.Context) {
	for _, c := range a.conns {
		c.Close(ctx)
	}
}

// Tx is the transaction of a session.
type Tx struct {
	Session Session
	conn    *Conn
}

// Pgx is the connection that the transaction runs on. The transaction begins with its first
// statement, so callers first run one by another method.
func (t *Tx) Pgx() *pgx.Conn { return t.conn.conn }

// Exec runs statements.
func (t *Tx) Exec(ctx context.Context, sql string) error {
	_, err := t.Affected(ctx, sql)
	return err
}

// Affected runs statements and returns the number of rows that they touched.
func (t *Tx) Affected(ctx context.Context, sql string) (int, error) {
	t.conn.ran.add(sql)
	results, err := t.conn.send(ctx, sql)
	if err != nil {
		return 0, err
	}
	return query.Affected(results), nil
}

// Change runs a statement and returns the number of rows that it touched. One that the server
// refuses, or that touches none, is taken back, and the transaction goes on.
func (t *Tx) Change(ctx context.Context, sql string) (rows int, err error) {
	if err := t.Exec(ctx, "SAVEPOINT change"); err != nil {
		return 0, err
	}
	rows, err = t.Affected(ctx, sql)
	if err == nil && rows > 0 || query.Lost(err) != nil {
		return rows, err
	}
	return 0, t.Exec(ctx, "ROLLBACK TO change")
}

// Query runs a query that the transcript leaves out.
func (t *Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := t.conn.enter(ctx); err != nil {
		return nil, err
	}
	return t.conn.conn.Query(ctx, sql, args...)
}

// Strings returns the first column of all rows, without NULLs.
func (t *Tx) Strings(ctx context.Context, sql string) ([]string, error) {
	t.conn.ran.add(sql)
	results, err := t.conn.send(ctx, sql)
	if err != nil {
		return nil, err
	}
	return firstColumn(results[len(results)-1]), nil
}

// Each is Strings of several queries, by their place. They go in one message.
func (t *Tx) Each(ctx context.Context, queries []string) (answers [][]string, err error) {
	for _, sql := range queries {
		t.conn.ran.add(sql)
	}
	results, err := t.conn.send(ctx, strings.Join(queries, ";"))
	if err != nil {
		return nil, err
	}
	for _, result := range results {
		answers = append(answers, firstColumn(result))
	}
	return answers, nil
}

func firstColumn(result *pgconn.Result) (values []string) {
	for _, row := range result.Rows {
		if row[0] != nil {
			values = append(values, string(row[0]))
		}
	}
	return values
}

// Notices returns what the server said beside its answers since the last call, errors apart.
func (t *Tx) Notices() string { return t.conn.heard.take() }

// QueryRow reads one row.
func (t *Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	t.conn.ran.add(sql)
	if err := t.conn.enter(ctx); err != nil {
		return noRow{err}
	}
	return t.conn.conn.QueryRow(ctx, sql, args...)
}

// noRow is the row that a refused transaction returns.
type noRow struct{ refused error }

func (r noRow) Scan(...any) error { return r.refused }

// Enter changes the identity settings to another session's.
func (t *Tx) Enter(ctx context.Context, other Session) error {
	return t.Exec(ctx, other.Enter(t.conn.dialer.config.Settings))
}

// Impersonate calls f with the identity settings of another session, then restores its own.
// Settings that were unset are empty afterwards, so the connection serves no further session
// that needs them unset.
func (t *Tx) Impersonate(ctx context.Context, other Session, f func() error) error {
	t.conn.stale = t.Session.needsFreshConnection()
	names := t.conn.dialer.config.Settings
	login := ""
	if t.Session.Role != "" {
		login = "SET LOCAL ROLE NONE;"
	}
	if err := t.Exec(ctx, login+other.Enter(names)); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return t.Exec(ctx, Empty.Enter(names)+t.Session.Enter(names))
}
