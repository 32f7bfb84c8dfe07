package reports

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/jobs"
	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports/record"
)

// The request for a report, and the report as it is kept.
type (
	Request = record.Request
	Record  = record.Record
)

//go:embed migrations/*.sql
var migrations embed.FS

// Tables are this package's migrations. They run in the schema that the pool's connections have
// as their search path.
func Tables() migrate.Set { return migrate.Embedded("isolation_version", migrations) }

// retention is how long reports are kept. The newest report about each tenant is kept for ever.
const retention = "90 days"

// Store keeps requests for reports and the reports in the bot's own database. Every replica has
// one.
type Store struct {
	pool *pgxpool.Pool
	jobs *river.Client[pgx.Tx]
	log  *slog.Logger
}

// NewStore returns a store in the bot's own database. The pool's connections must have its
// schema as their search path.
func NewStore(pool *pgxpool.Pool, log *slog.Logger) (*Store, error) {
	inserter, err := jobs.Inserter(pool, log)
	if err != nil {
		return nil, fmt.Errorf("isolation reports: %w", err)
	}
	return &Store{pool: pool, jobs: inserter, log: log.With("part", "isolation")}, nil
}

// Ask enqueues a report. It starts soon, and the announcer gets its result.
func (s *Store) Ask(ctx context.Context, request Request) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.enqueue(ctx, tx, request) })
}

func (s *Store) enqueue(ctx context.Context, tx pgx.Tx, request Request) error {
	if _, err := s.jobs.InsertTx(ctx, tx, reportArgs{request}, nil); err != nil {
		return fmt.Errorf("isolation report: %w", err)
	}
	return nil
}

const deepIsDueSQL = `
	SELECT NOT EXISTS (SELECT FROM isolation_reports
	                    WHERE tenant = '' AND at > $1::timestamptz - interval '6 days 12 hours'
	                      AND report #> '{coverage,interference}' IS NOT NULL)`

// deepIsDue reports whether the last deep report is a week old at a tick of the schedule.
func (s *Store) deepIsDue(ctx context.Context, tx pgx.Tx, tick time.Time) (due bool, err error) {
	err = tx.QueryRow(ctx, deepIsDueSQL, tick).Scan(&due)
	return due, err
}

// Last returns the newest report about all tenants, or nil if there is none yet. Its Changes are
// empty.
func (s *Store) Last(ctx context.Context) (*Record, error) { return s.last(ctx, true) }

// LastCompleted is Last without the reports whose check could not run.
func (s *Store) LastCompleted(ctx context.Context) (*Record, error) { return s.last(ctx, false) }

const (
	selectRecord = `SELECT id, tenant, asked_by, channel, tick, at, report, problem FROM isolation_reports`
	lastSQL      = selectRecord + ` WHERE tenant = '' AND ($1 OR report IS NOT NULL) ORDER BY at DESC LIMIT 1`
	recordSQL    = selectRecord + ` WHERE id = $1`
)

func (s *Store) last(ctx context.Context, failedToo bool) (*Record, error) {
	record, err := s.record(ctx, lastSQL, failedToo)
	if err != nil {
		return nil, fmt.Errorf("the last isolation report: %w", err)
	}
	return record, nil
}

// Report returns a report, or nil if there is none with this id. Its Changes are empty.
func (s *Store) Report(ctx context.Context, id uuid.UUID) (*Record, error) {
	record, err := s.record(ctx, recordSQL, id)
	if err != nil {
		return nil, fmt.Errorf("isolation report %s: %w", id, err)
	}
	return record, nil
}

// record reads one record, nil if there is none.
func (s *Store) record(ctx context.Context, sql string, argument any) (*Record, error) {
	var record Record
	var tick *time.Time
	var report []byte
	err := s.pool.QueryRow(ctx, sql, argument).Scan(&record.ID, &record.Tenant, &record.By, &record.Channel, &tick,
		&record.At, &report, &record.Problem)
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
		return nil, err
	}
	return &record, nil
}

// answered reports whether there is a report for a request already.
func (s *Store) answered(ctx context.Context, request Request) (answered bool, err error) {
	const sql = `SELECT EXISTS (SELECT FROM isolation_reports WHERE id = $1)`
	err = s.pool.QueryRow(ctx, sql, request.ID).Scan(&answered)
	return answered, err
}

const previousSQL = `
	SELECT standing, at FROM isolation_reports WHERE tenant = $1 AND report IS NOT NULL ORDER BY at DESC LIMIT 1`

const pruneSQL = `
	DELETE FROM isolation_reports r WHERE at < now() - $1::interval
	   AND EXISTS (SELECT FROM isolation_reports newer
	                WHERE newer.tenant = r.tenant AND newer.at > r.at AND newer.report IS NOT NULL)`

// save compares a record with the previous one, then stores and announces it in one transaction.
// It ignores a record whose request was answered already.
func (s *Store) save(ctx context.Context, record Record, announcer Announcer) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var earlier []byte
		var since *time.Time
		err := tx.QueryRow(ctx, previousSQL, record.Tenant).Scan(&earlier, &since)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var findings []isolation.Finding
		if since != nil {
			record.Since = *since
			if err := json.Unmarshal(earlier, &findings); err != nil {
				return fmt.Errorf("the previous report: %w", err)
			}
		}
		record.Compare(findings)
		if inserted, err := insert(ctx, tx, &record); err != nil || !inserted {
			return err
		}
		if _, err = tx.Exec(ctx, pruneSQL, retention); err != nil {
			return err
		}
		return announcer.Announce(ctx, tx, record)
	})
}

const insertSQL = `
	INSERT INTO isolation_reports (id, tenant, asked_by, channel, tick, at, report, problem, standing)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`

func insert(ctx context.Context, tx pgx.Tx, record *Record) (inserted bool, err error) {
	var report []byte
	if record.Report != nil {
		if report, err = json.Marshal(record.Report); err != nil {
			return false, err
		}
	}
	open, err := json.Marshal(record.Open())
	if err != nil {
		return false, err
	}
	var tick *time.Time
	if !record.Tick.IsZero() {
		tick = &record.Tick
	}
	tag, err := tx.Exec(ctx, insertSQL,
		record.ID, record.Tenant, record.By, record.Channel, tick, record.At, report, record.Problem, open)
	return tag.RowsAffected() == 1, err
}

// superseded reports whether a newer tick came before the report of this one started. The newer
// report then covers both.
func (s *Store) superseded(ctx context.Context, request Request) (superseded bool, err error) {
	if request.Tick.IsZero() {
		return false, nil
	}
	err = s.pool.QueryRow(ctx, `SELECT tick > $1 FROM isolation_schedule`, request.Tick).Scan(&superseded)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return superseded, err
}
