package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
)

const (
	headOfRun  = `SELECT seq, encode(hash, 'hex') FROM chain WHERE run_id = $1 ORDER BY seq DESC LIMIT 1`
	wholeChain = `SELECT seq, run_id, kind, row_id, record, hash FROM chain ORDER BY seq`
	chainOfRun = `SELECT seq, run_id, kind, row_id, record, hash,
		(SELECT hash FROM chain before WHERE before.seq = chain.seq - 1) FROM chain WHERE run_id = $1 ORDER BY seq`
	changesOfRun   = `SELECT digest, change FROM approvals WHERE run_id = $1`
	exportSnapshot = `SELECT pg_export_snapshot()`
	// undecidedApprovals are those whose state says that people decided, and whose votes do not.
	undecidedApprovals = `SELECT a.id, a.state FROM approvals a LEFT JOIN votes v ON v.approval_id = a.id
		WHERE a.state IN ('approved', 'ahead_approved', 'used', 'rejected') GROUP BY a.id
		HAVING NOT coalesce(CASE a.state WHEN 'rejected' THEN bool_or(NOT v.agrees)
			ELSE bool_or(v.broke_glass) OR count(*) FILTER (WHERE v.agrees) >= a.needs END, false)
		ORDER BY a.id`
)

// chained lists, for each kind of entry, its rows: how an entry names each, and the columns of its
// record as it would be now, sorted by name. They are those of the functions chain_record in the
// migrations, repeated here: whoever can edit rows can edit functions.
var chained = []struct{ kind, sql string }{
	{"run", `SELECT id::text, channel, created_at AT TIME ZONE 'UTC' AS created, delete_certificates,
		ended_at AT TIME ZONE 'UTC' AS ended, ended_by->>'id' AS ended_by, id, kind, renews, request::text,
		requester->>'id' AS requester, slug, state, submission, tenant_id AS tenant, undoes FROM runs`},
	{"event", `SELECT id::text, actor->>'id' AS actor, approval_id AS approval, at AT TIME ZONE 'UTC' AS at, digest, id,
		kind, actor->>'name' AS name, step, text, (date_part('epoch', took) * 1000000)::bigint AS took FROM events`},
	{"approval", `SELECT id::text, asked_at AT TIME ZONE 'UTC' AS asked, closed_at AT TIME ZONE 'UTC' AS closed,
		CASE encode(sha256(change), 'hex') WHEN digest THEN digest END AS digest, moved AS drift,
		escalate_at AT TIME ZONE 'UTC' AS escalate, expires_at AT TIME ZONE 'UTC' AS expires, id, needs, reason_needed,
		remind_at AT TIME ZONE 'UTC' AS remind, CASE WHEN closed_at IS NULL THEN 'open' ELSE state END AS state, step
		FROM approvals`},
	{"vote", `SELECT concat(approval_id, '/', operator), agrees, approval_id AS approval, at AT TIME ZONE 'UTC' AS at,
		broke_glass, digest, name, operator, reason, source
		FROM votes LEFT JOIN approvals ON approvals.id = approval_id`},
	{"attempt", `SELECT r.id::text, approval_id AS approval, digest, error,
		finished_at AT TIME ZONE 'UTC' AS finished, r.id, lines, outcome,
		encode(sha256(convert_to(log, 'UTF8')), 'hex') AS output,
		started_at AT TIME ZONE 'UTC' AS started, r.step,
		encode(sha256(convert_to(array_to_string(tail, E'\n'), 'UTF8')), 'hex') AS tail
		FROM attempts r LEFT JOIN approvals a ON a.id = approval_id WHERE outcome <> 'running'`},
	{"freeze", `SELECT id::text, frozen_at AT TIME ZONE 'UTC' AS frozen, frozen_by->>'id' AS frozen_by, id, reason,
		thawed_at AT TIME ZONE 'UTC' AS thawed, thawed_by->>'id' AS thawed_by FROM freezes`},
}

// HeadOf returns the newest entry of the audit chain about a run, zero if there is none.
func HeadOf(ctx context.Context, db DB, run uuid.UUID) (head audit.Head, err error) {
	err = db.QueryRow(ctx, headOfRun, run).Scan(&head.Seq, &head.Hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return audit.Head{}, fmt.Errorf("audit of run %s: %w", run, err)
	}
	return head, nil
}

// VerifyChain verifies the audit chain and that every row is what its newest entry says. The chain
// must have all the heads. It takes two connections.
func VerifyChain(ctx context.Context, pool *pgxpool.Pool, heads ...audit.Head) (report audit.Report, err error) {
	err = pgx.BeginTxFunc(ctx, pool, snapshot, func(tx pgx.Tx) error {
		var moment string
		if err := tx.QueryRow(ctx, exportSnapshot).Scan(&moment); err != nil {
			return err
		}
		chain := audit.NewChain(heads...)
		rows := chain.Rows()
		var undecided []string
		group, both := routine.WithContext(ctx)
		group.Go(func() error { return readChain(both, tx, chain) })
		group.Go(func() error {
			return pgx.BeginTxFunc(both, pool, snapshot, func(tx pgx.Tx) error {
				if _, err := tx.Exec(both, `SET TRANSACTION SNAPSHOT '`+moment+`'`); err != nil {
					return err
				}
				if err := readChained(both, tx, rows); err != nil {
					return err
				}
				problems, err := readUndecided(both, tx)
				undecided = problems
				return err
			})
		})
		if err := group.Wait(); err != nil {
			return err
		}
		report = chain.Report(rows)
		report.Problems = append(report.Problems, undecided...)
		return nil
	})
	if err != nil {
		return audit.Report{}, fmt.Errorf("audit: %w", err)
	}
	return report, nil
}

// binaryFormat makes the server send all columns as they are, so reading a row allocates nothing.
var binaryFormat = pgx.QueryResultFormats{pgx.BinaryFormatCode}

func readChain(ctx context.Context, tx pgx.Tx, chain *audit.Chain) error {
	rows, err := tx.Query(ctx, wholeChain, binaryFormat)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values := rows.RawValues()
		entry := audit.Entry{Seq: int64(binary.BigEndian.Uint64(values[0])), Kind: values[2], Row: values[3],
			Record: values[4]}
		copy(entry.Run[:], values[1])
		copy(entry.Hash[:], values[5])
		chain.Add(&entry)
	}
	return rows.Err()
}

// readChained reads the rows that the chain is about, as it would record them now.
func readChained(ctx context.Context, tx pgx.Tx, into *audit.Rows) error {
	var buf []byte
	for _, kind := range chained {
		rows, err := tx.Query(ctx, kind.sql, binaryFormat)
		if err != nil {
			return err
		}
		name := []byte(kind.kind)
		for rows.Next() {
			values := rows.RawValues()
			if buf, err = appendRecord(buf[:0], rows.FieldDescriptions()[1:], values[1:]); err != nil {
				rows.Close()
				return err
			}
			into.Add(name, values[0], buf)
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// appendRecord writes columns as a JSON object, as PostgreSQL's to_json does.
func appendRecord(buf []byte, columns []pgconn.FieldDescription, values [][]byte) ([]byte, error) {
	for i, column := range columns {
		start := byte(',')
		if i == 0 {
			start = '{'
		}
		buf = append(append(append(buf, start, '"'), column.Name...), `":`...)
		value := values[i]
		switch {
		case value == nil:
			buf = append(buf, "null"...)
		case column.DataTypeOID == pgtype.TextOID:
			buf = audit.AppendText(buf, value)
		case column.DataTypeOID == pgtype.UUIDOID:
			buf = append(audit.AppendUUID(append(buf, '"'), value), '"')
		case column.DataTypeOID == pgtype.BoolOID:
			buf = strconv.AppendBool(buf, value[0] != 0)
		case column.DataTypeOID == pgtype.Int4OID:
			buf = strconv.AppendInt(buf, int64(int32(binary.BigEndian.Uint32(value))), 10)
		case column.DataTypeOID == pgtype.Int8OID:
			buf = strconv.AppendInt(buf, int64(binary.BigEndian.Uint64(value)), 10)
		case column.DataTypeOID == pgtype.TimestampOID:
			at := epoch.Add(time.Duration(binary.BigEndian.Uint64(value)) * time.Microsecond)
			buf = at.AppendFormat(buf, `"2006-01-02T15:04:05.999999"`)
		default:
			return nil, fmt.Errorf("column %s is of type %d", column.Name, column.DataTypeOID)
		}
	}
	return append(buf, '}'), nil
}

// epoch is what PostgreSQL counts the microseconds of a timestamp from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func readUndecided(ctx context.Context, tx pgx.Tx) (problems []string, err error) {
	rows, err := tx.Query(ctx, undecidedApprovals)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	var state onboarding.ApprovalState
	_, err = pgx.ForEachRow(rows, []any{&id, &state}, func() error {
		problems = append(problems, fmt.Sprintf("approval %s is %s, and its votes do not say so", id, state))
		return nil
	})
	return problems, err
}

// ExportChain returns everything that the chain holds about a run. It returns
// [onboarding.ErrNotFound].
func ExportChain(ctx context.Context, pool *pgxpool.Pool, run uuid.UUID) (*audit.File, error) {
	file := audit.NewFile(run)
	err := pgx.BeginTxFunc(ctx, pool, snapshot, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, chainOfRun, run)
		if err != nil {
			return err
		}
		var entry audit.Entry
		var hash, prev []byte
		into := []any{&entry.Seq, &entry.Run, &entry.Kind, &entry.Row, &entry.Record, &hash, &prev}
		_, err = pgx.ForEachRow(rows, into, func() error {
			entry.Hash = audit.Hash(hash)
			file.Add(&entry, prev)
			entry.Record = nil
			return nil
		})
		if err != nil {
			return err
		}
		if len(file.Entries) == 0 {
			return onboarding.ErrNotFound
		}
		changes, err := tx.Query(ctx, changesOfRun, run)
		if err != nil {
			return err
		}
		var digest string
		var change []byte
		_, err = pgx.ForEachRow(changes, []any{&digest, &change}, func() error {
			file.Changes[digest] = string(change)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("audit of run %s: %w", run, err)
	}
	return file, nil
}
