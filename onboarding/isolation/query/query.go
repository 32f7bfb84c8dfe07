package query

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// affected runs one statement and returns how many rows it says it touched.
func Affected(ctx context.Context, conn *pgx.Conn, sql string) (int, error) {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, result := range results {
		n += int(result.CommandTag.RowsAffected())
	}
	return n, nil
}

// querier is what both a connection and a transaction offer.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// each calls scan for every row.
func Each(ctx context.Context, q Querier, sql string, args []any, scan func(pgx.Rows) error) error {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one scans the first row; no row leaves the destinations alone and is pgx.ErrNoRows.
func One(ctx context.Context, q Querier, sql string, args []any, into ...any) error {
	found := false
	err := Each(ctx, q, sql, args, func(rows pgx.Rows) error {
		if found {
			return nil
		}
		found = true
		return rows.Scan(into...)
	})
	if err == nil && !found {
		return pgx.ErrNoRows
	}
	return err
}

// texts reads the first column of all rows, which callers bound.
func Strings(ctx context.Context, q Querier, sql string) ([]string, error) {
	var values []string
	err := Each(ctx, q, sql, nil, func(rows pgx.Rows) error {
		var v *string
		if err := rows.Scan(&v); err != nil {
			return err
		}
		if v != nil {
			values = append(values, *v)
		}
		return nil
	})
	return values, err
}

func Ref(s string) *string { return &s }

// exec runs statements by the simple protocol: several at once, without preparing.
func Exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}
