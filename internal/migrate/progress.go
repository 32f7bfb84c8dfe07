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

// Progress counts the migrations that are still to be applied, and those of a newer release.
type Progress struct {
	// Waiting is the number of migrations that the next start applies.
	Waiting int
	// Newer is the number of applied migrations that this release does not know: a newer release
	// applied them.
	Newer int
}

// Add counts the migrations of a set, by their versions.
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

// Progress counts the migrations of the sets. It changes nothing.
func (s Schema) Progress(ctx context.Context, pool *pgxpool.Pool) (Progress, error) {
	var progress Progress
	for _, set := range s.Sets {
		known, err := versions(set.Files)
		if err != nil {
			return Progress{}, fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
		applied, err := applied(ctx, pool, pgx.Identifier{s.Name, set.Table}.Sanitize())
		if err != nil {
			return Progress{}, fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
		progress.Add(known, applied)
	}
	return progress, nil
}

// versions returns the versions of a set's files. A file's name begins with its version.
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

// applied returns the versions in goose's table, none if it does not exist. Version 0 there stands
// for the table itself.
func applied(ctx context.Context, pool *pgxpool.Pool, table string) ([]int, error) {
	var exists bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&exists); err != nil || !exists {
		return nil, err
	}
	rows, err := pool.Query(ctx, `SELECT version_id::int FROM `+table+` WHERE is_applied AND version_id > 0`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}
