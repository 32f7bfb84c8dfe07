package reports

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/jobs"
	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Tables are this package's, for the schema that the book's connections have as their search path.
func Tables() migrate.Set {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return migrate.Set{Table: "isolation_version", Files: files}
}

// retention is how long reports are kept; the newest about each tenant are kept for ever.
const retention = "90 days"

// Store is where reports are asked for and looked up. It is the same for all replicas.
type Store struct {
	pool *pgxpool.Pool
	jobs *river.Client[pgx.Tx]
	log  *slog.Logger
}

// NewBook returns the book in the bot's own database, whose connections have its schema as their search path.
func NewBook(pool *pgxpool.Pool, log *slog.Logger) (*Store, error) {
	inserter, err := jobs.Inserter(pool, "", log)
	if err != nil {
		return nil, fmt.Errorf("isolation reports: %w", err)
	}
	return &Store{pool: pool, jobs: inserter, log: log.With("part", "isolation")}, nil
}

// Ask puts a report on the list. It is made soon, and handed to the announcer.
func (b *Store) Ask(ctx context.Context, request Request) error {
	return pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error { return b.ask(ctx, tx, request) })
}

func (b *Store) ask(ctx context.Context, tx pgx.Tx, request Request) error {
	if _, err := b.jobs.InsertTx(ctx, tx, reportArgs{request}, nil); err != nil {
		return fmt.Errorf("isolation report: %w", err)
	}
	return nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Last returns the newest report about all tenants, nil if there was none yet. It is without what changed.
func (b *Store) Last(ctx context.Context) (*Record, error) {
	return last(ctx, b.pool, "true")
}

// LastProof is the newest of those that could say anything.
func (b *Store) LastProof(ctx context.Context) (*Record, error) {
	return last(ctx, b.pool, "report IS NOT NULL")
}

func last(ctx context.Context, q querier, condition string) (*Record, error) {
	var record Record
	var tick *time.Time
	var report []byte
	err := q.QueryRow(ctx, `SELECT id, asked_by, channel, tick, at, report, problem FROM isolation_reports
		WHERE tenant = '' AND `+condition+` ORDER BY at DESC LIMIT 1`).
		Scan(&record.ID, &record.By, &record.Channel, &tick, &record.At, &report, &record.Problem)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err == nil && tick != nil {
		record.Tick = *tick
	}
	if err == nil && report != nil {
		err = json.Unmarshal(report, &record.Report)
	}
	if err != nil {
		return nil, fmt.Errorf("the last isolation report: %w", err)
	}
	return &record, nil
}

// known reports whether a request was answered already.
func (b *Store) known(ctx context.Context, request Request) (known bool, err error) {
	err = b.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM isolation_reports WHERE id = $1)`, request.ID).Scan(&known)
	return known, err
}

// enter compares a record with the one before, and stores and announces it in one transaction. A request that was answered
// already is not answered again.
func (b *Store) enter(ctx context.Context, record Record, announcer Announcer) error {
	return pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
		var earlier []byte
		var since *time.Time
		err := tx.QueryRow(ctx, `SELECT standing, at FROM isolation_reports WHERE tenant = $1 AND report IS NOT NULL ORDER BY at DESC LIMIT 1`,
			record.Tenant).Scan(&earlier, &since)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var findings []isolation.Finding
		if since != nil {
			record.Since = *since
			if err := json.Unmarshal(earlier, &findings); err != nil {
				return fmt.Errorf("the report before: %w", err)
			}
		}
		record.compare(findings)
		if fresh, err := insert(ctx, tx, &record); err != nil || !fresh {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM isolation_reports r WHERE at < now() - $1::interval
			AND EXISTS (SELECT FROM isolation_reports newer WHERE newer.tenant = r.tenant AND newer.at > r.at AND newer.report IS NOT NULL)`, retention)
		if err != nil {
			return err
		}
		return announcer.Announce(ctx, tx, record)
	})
}

func insert(ctx context.Context, tx pgx.Tx, record *Record) (fresh bool, err error) {
	var report []byte
	if record.Report != nil {
		if report, err = json.Marshal(record.Report); err != nil {
			return false, err
		}
	}
	standing, err := json.Marshal(record.standing())
	if err != nil {
		return false, err
	}
	var tick *time.Time
	if !record.Tick.IsZero() {
		tick = &record.Tick
	}
	tag, err := tx.Exec(ctx, `INSERT INTO isolation_reports (id, tenant, asked_by, channel, tick, at, report, problem, standing)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
		record.ID, record.Tenant, record.By, record.Channel, tick, record.At, report, record.Problem, standing)
	return tag.RowsAffected() == 1, err
}
