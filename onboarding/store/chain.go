package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
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
	exportSnapshot = `SELECT pg_export_snapshot(), coalesce(max(seq), 0) FROM chain`
)

// HeadOf returns the newest entry of the audit chain about a run, zero if there is none.
func (s Statements) HeadOf(ctx context.Context, run uuid.UUID) (head audit.Head, err error) {
	err = s.db.QueryRow(ctx, headOfRun, run).Scan(&head.Seq, &head.Hash)
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
		var entries int64
		if err := tx.QueryRow(ctx, exportSnapshot).Scan(&moment, &entries); err != nil {
			return err
		}
		chain := audit.NewChain(entries, heads...)
		rows := chain.Rows()
		var problems []string
		group, both := routine.WithContext(ctx)
		group.Go(func() error { return readChain(both, tx, chain) })
		group.Go(func() error {
			return pgx.BeginTxFunc(both, pool, snapshot, func(tx pgx.Tx) (err error) {
				if _, err := tx.Exec(both, `SET TRANSACTION SNAPSHOT '`+moment+`'`); err != nil {
					return err
				}
				problems, err = readChained(both, tx, rows)
				return err
			})
		})
		if err := group.Wait(); err != nil {
			return err
		}
		report = chain.Report(rows)
		report.Problems = append(report.Problems, problems...)
		return nil
	})
	if err != nil {
		return audit.Report{}, fmt.Errorf("audit: %w", err)
	}
	return report, nil
}

// ReadAhead has connections take from the socket whatever the server has sent meanwhile, up to 64
// kB. pgx takes 8 kB at a time, which costs a tenth of [VerifyChain].
func ReadAhead(config *pgx.ConnConfig) {
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, 64<<10), w)
	}
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
