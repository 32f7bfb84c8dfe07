// Package locks takes PostgreSQL's advisory locks: for a session, which keeps them until it ends
// however it ends, and for a transaction. All replicas share one scheme of keys: a lock has a
// [Name], and its 64-bit key is the name's hash, so two parts of the product never mean different
// things by one key.
//
// Advisory locks are per database
// (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS) and need session
// pooling, not transaction pooling.
package locks

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Name names a lock. Replicas of two releases run side by side during an upgrade, so a name stays
// what it is for as long as both releases can do what it protects.
type Name struct {
	text string
	// number is the key where it is not the hash of the text.
	number int64
}

// Named is the lock of one thing, from the general to the particular: Named("run", id).
func Named(parts ...string) Name {
	return Name{text: prefix + strings.Join(parts, "/")}
}

// Numbered is a lock whose key is computed elsewhere, not 0. The text is for messages.
func Numbered(text string, key int64) Name { return Name{text: text, number: key} }

// String is the name as messages show it.
func (n Name) String() string { return n.text }

const prefix = "onboardbot/"

// key is the SQL expression of a name's key. Its arguments are those that [Name.args] returns.
const key = `CASE $2::bigint WHEN 0 THEN hashtextextended($1, 0) ELSE $2 END`

func (n Name) args() []any { return []any{n.text, n.number} }

// KeySQL is the SQL expression of the key of the lock Named(parts..., last), where last is an SQL
// expression of type text. The parts must be constants.
func KeySQL(last string, parts ...string) string {
	return fmt.Sprintf(`hashtextextended('%s%s/' || %s, 0)`, prefix, strings.Join(parts, "/"), last)
}

// HeldSQL is the SQL condition that some session of this database holds the session-level or
// transaction-level lock whose key an SQL expression of type bigint returns.
func HeldSQL(key string) string { return `EXISTS (` + HoldersSQL(key) + `)` }

// HoldersSQL is the SQL query for the process ids of the sessions of this database that hold such
// a lock. The view pg_locks shows its key as two halves
// (https://www.postgresql.org/docs/current/view-pg-locks.html).
func HoldersSQL(key string) string {
	return fmt.Sprintf(`
		SELECT pid FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 1 AND granted
		  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		  AND (classid::bigint << 32 | objid::bigint) = %s`, key)
}

// Querier is a connection, a pool or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Key returns the 64-bit key of a name.
func Key(ctx context.Context, db Querier, name Name) (int64, error) {
	var number int64
	if err := db.QueryRow(ctx, `SELECT `+key, name.args()...).Scan(&number); err != nil {
		return 0, fmt.Errorf("key of lock %s: %w", name, err)
	}
	return number, nil
}
