// Package query holds what every statement of an isolation check needs: running SQL text that
// may hold several statements, reading a column of text, quoting names and values, and telling
// errors apart by SQLSTATE. Checks write their SQL as text, since the names of tables and
// columns are known only once the catalog has been read; Name, Column, Literal and Array are the
// only way for a name or a value into it.
package query

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier is a connection, a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Strings returns the first column of all rows, without NULLs. Callers bound the number of rows
// in their SQL.
func Strings(ctx context.Context, q Querier, sql string, args ...any) ([]string, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var values []string
	var value *string
	_, err = pgx.ForEachRow(rows, []any{&value}, func() error {
		if value != nil {
			values = append(values, *value)
		}
		return nil
	})
	return values, err
}

// Run runs statements over the simple protocol: several at once, without preparing them. Beside an error
// it returns the results of the statements before the one that failed.
func Run(ctx context.Context, conn *pgx.Conn, sql string) ([]*pgconn.Result, error) {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if n := len(results); n > 0 && results[n-1].Err != nil {
		results = results[:n-1]
	}
	return results, err
}

// Exec is [Run] without results.
func Exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := Run(ctx, conn, sql)
	return err
}

// Affected returns the number of rows that statements touched, by their command tags.
func Affected(results []*pgconn.Result) (n int) {
	for _, result := range results {
		n += int(result.CommandTag.RowsAffected())
	}
	return n
}
