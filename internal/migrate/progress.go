package migrate

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Progress is how far the tables of a schema are.
type Progress struct {
	// Waiting is how many migrations the next start applies.
	Waiting int
	// Newer is how many were applied that this release does not know: a newer one was here.
	Newer int
}

// Add counts something else in.
func (p *Progress) Add(known, applied []int) {
	for _, version := range known {
		if !slices.Contains(applied, version) {
			p.Waiting++
		}
	}
	for _, version := range applied {
		if !slices.Contains(known, version) {
			p.Newer++
		}
	}
}

// Look says how far the sets are, and changes nothing.
func Look(ctx context.Context, pool *pgxpool.Pool, schema string, sets []Set) (Progress, error) {
	var progress Progress
	for _, set := range sets {
		known, err := versions(set.Files)
		if err != nil {
			return Progress{}, fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
		applied, err := applied(ctx, pool, pgx.Identifier{schema, set.Table}.Sanitize())
		if err != nil {
			return Progress{}, fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
		progress.Add(known, applied)
	}
	return progress, nil
}

// versions are those of a set's files, which begin with them.
func versions(files fs.FS) ([]int, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var list []int
	for _, name := range names {
		digits, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.Atoi(digits)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, version)
	}
	return list, nil
}

// applied reads goose's table, in which version 0 stands for the table itself. A table that is missing counts nothing.
func applied(ctx context.Context, pool *pgxpool.Pool, table string) ([]int, error) {
	var there bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&there); err != nil || !there {
		return nil, err
	}
	rows, err := pool.Query(ctx, `SELECT version_id::int FROM `+table+` WHERE is_applied AND version_id > 0`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}
