package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
)

// chained lists, for each kind of entry, its rows: the columns by which an entry names each, and those of
// its record as it would be now, sorted by name. They are those of the functions chain_record in the
// migrations, repeated here: whoever can edit rows can edit functions. Where there is a function
// record, it returns the columns of a row's record. Approvals come before what is about them.
var chained = []chainedKind{
	{"run", []string{"id"}, `SELECT channel, created_at AS created, delete_certificates, ended_at AS ended,
		ended_by->>'id' AS ended_by, id, kind, renews, request::text, requester->>'id' AS requester, slug, state,
		submission, tenant_id AS tenant, undoes FROM runs`, nil},
	{"event", []string{"id"}, `SELECT actor->>'id' AS actor, approval_id AS approval, at, digest, id, kind,
		actor->>'name' AS name, step, text, (date_part('epoch', took) * 1000000)::bigint AS took FROM events`, nil},
	{"approval", []string{"id"}, `SELECT digest, state, asked_at AS asked, closed_at AS closed,
		CASE encode(sha256(change), 'hex') WHEN digest THEN digest END AS digest, moved AS drift,
		escalate_at AS escalate, expires_at AS expires, id, needs, reason_needed, remind_at AS remind,
		CASE WHEN closed_at IS NULL THEN 'open' ELSE state END AS state, step FROM approvals`, approvalsByID.approval},
	{"vote", []string{"approval", "operator"}, `SELECT agrees, approval_id AS approval, at, broke_glass, NULL AS digest,
		name, operator, reason, source FROM votes`, approvalsByID.vote},
	{"attempt", []string{"id"}, `SELECT approval_id AS approval, NULL AS digest, error, finished_at AS finished, id,
		lines, outcome, encode(sha256(convert_to(log, 'UTF8')), 'hex') AS output, started_at AS started, step,
		encode(sha256(convert_to(array_to_string(tail, E'\n'), 'UTF8')), 'hex') AS tail
		FROM attempts WHERE outcome <> 'running'`, approvalsByID.attempt},
	{"freeze", []string{"id"}, `SELECT frozen_at AS frozen, frozen_by->>'id' AS frozen_by, id, reason,
		thawed_at AS thawed, thawed_by->>'id' AS thawed_by FROM freezes`, nil},
	{"risk", []string{"id"}, `SELECT asked_at AS asked, channel, confirm, definition, expires_at AS expires, finding,
		id, name, needs, object, operation, operator, reason, report, source, until FROM risks`, nil},
	{"risk_vote", []string{"act", "operator", "risk"}, `SELECT act, at, confirmed, name, operator, reason,
		risk_id AS risk, source FROM risk_votes`, nil},
}

type chainedKind struct {
	kind   string
	name   []string
	sql    string
	record func(approvalsByID, [][]byte) [][]byte
}

// approvalsByID are the approvals read so far. Votes and attempts are joined with them here, since joins
// in the database take longer.
type approvalsByID map[uuid.UUID]*votedApproval

// votedApproval is what an approval and its votes say of each other.
type votedApproval struct {
	digest       []byte
	state        onboarding.ApprovalState
	needs, agree int32
	rejected     bool
	brokeGlass   bool
}

func (a approvalsByID) approval(row [][]byte) [][]byte {
	digest, state, record := row[0], row[1], row[2:]
	id, needs := record[6], record[7]
	approval := &votedApproval{digest: slices.Clone(digest), state: onboarding.ApprovalState(state),
		needs: math.MaxInt32}
	if needs != nil {
		approval.needs = int32(binary.BigEndian.Uint32(needs))
	}
	a[toUUID(id)] = approval
	return record
}

func (a approvalsByID) vote(record [][]byte) [][]byte {
	agrees, id, brokeGlass := record[0], record[1], record[3]
	if approval := a[toUUID(id)]; approval != nil {
		record[4] = approval.digest
		if isTrue(agrees) {
			approval.agree++
		} else {
			approval.rejected = true
		}
		approval.brokeGlass = approval.brokeGlass || isTrue(brokeGlass)
	}
	return record
}

func (a approvalsByID) attempt(record [][]byte) [][]byte {
	if approval := a[toUUID(record[0])]; approval != nil {
		record[1] = approval.digest
	}
	return record
}

func isTrue(value []byte) bool { return len(value) > 0 && value[0] != 0 }

// toUUID is zero for NULL.
func toUUID(value []byte) (id uuid.UUID) {
	copy(id[:], value)
	return id
}

// undecided lists the approvals whose state says that people decided, and whose votes do not.
func (a approvalsByID) undecided() (problems []string) {
	for id, approval := range a {
		decided := approval.brokeGlass || approval.agree >= approval.needs
		switch approval.state {
		case onboarding.ApprovalRejected:
			decided = approval.rejected
		case onboarding.ApprovalApproved, onboarding.ApprovalAheadApproved, onboarding.ApprovalUsed:
		default:
			continue
		}
		if !decided {
			problems = append(problems,
				fmt.Sprintf("approval %s is %s, and its votes do not say so", id, approval.state))
		}
	}
	slices.Sort(problems)
	return problems
}

// readChained reads the rows that the chain is about, as it would record them now, and returns what
// is wrong with them whatever the chain says.
func readChained(ctx context.Context, tx pgx.Tx, into *audit.Rows) (problems []string, err error) {
	approvals := approvalsByID{}
	for _, kind := range chained {
		if err := kind.read(ctx, tx, approvals, into); err != nil {
			return nil, err
		}
	}
	unpressed, err := readUnpressed(ctx, tx)
	return append(approvals.undecided(), unpressed...), err
}

const selectUnpressed = `SELECT id FROM approvals WHERE apply_now AND NOT EXISTS (
	SELECT FROM events WHERE kind = 'apply_now' AND approval_id = approvals.id) ORDER BY id`

// readUnpressed lists the approvals whose changes do not wait for their windows, with no event that says
// who decided that.
func readUnpressed(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, selectUnpressed)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var id uuid.UUID
		err := row.Scan(&id)
		return fmt.Sprintf("approval %s waits for no window, and no event says who pressed Apply now", id), err
	})
}

func (k chainedKind) read(ctx context.Context, tx pgx.Tx, approvals approvalsByID, into *audit.Rows) error {
	rows, err := tx.Query(ctx, k.sql, binaryFormat)
	if err != nil {
		return err
	}
	defer rows.Close()
	kind := []byte(k.kind)
	var name, buf []byte
	for rows.Next() {
		columns, values := rows.FieldDescriptions(), rows.RawValues()
		name = k.appendName(name[:0], columns, values)
		if k.record != nil {
			values = k.record(approvals, values)
		}
		if buf, err = appendRecord(buf[:0], columns[len(columns)-len(values):], values); err != nil {
			return err
		}
		into.Add(kind, name, buf)
	}
	return rows.Err()
}

// appendName writes what an entry names a row by.
func (k chainedKind) appendName(buf []byte, columns []pgconn.FieldDescription, values [][]byte) []byte {
	for i, column := range columns {
		if slices.Contains(k.name, column.Name) {
			if len(buf) > 0 {
				buf = append(buf, '/')
			}
			buf = appendValue(buf, column.DataTypeOID, values[i])
		}
	}
	return buf
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
		switch oid := column.DataTypeOID; {
		case value == nil:
			buf = append(buf, "null"...)
		case oid == pgtype.TextOID:
			buf = audit.AppendText(buf, value)
		case oid == pgtype.UUIDOID, oid == pgtype.TimestamptzOID:
			buf = append(appendValue(append(buf, '"'), oid, value), '"')
		case oid == pgtype.BoolOID, oid == pgtype.Int4OID, oid == pgtype.Int8OID:
			buf = appendValue(buf, oid, value)
		default:
			return nil, fmt.Errorf("column %s is of type %d", column.Name, oid)
		}
	}
	return append(buf, '}'), nil
}

// appendValue writes a value as text. A time is in UTC, without a zone.
func appendValue(buf []byte, oid uint32, value []byte) []byte {
	switch oid {
	case pgtype.UUIDOID:
		return audit.AppendUUID(buf, value)
	case pgtype.BoolOID:
		return strconv.AppendBool(buf, isTrue(value))
	case pgtype.Int4OID:
		return strconv.AppendInt(buf, int64(int32(binary.BigEndian.Uint32(value))), 10)
	case pgtype.Int8OID:
		return strconv.AppendInt(buf, int64(binary.BigEndian.Uint64(value)), 10)
	case pgtype.TimestamptzOID:
		at := epoch.Add(time.Duration(binary.BigEndian.Uint64(value)) * time.Microsecond)
		return bytes.TrimSuffix(at.AppendFormat(buf, time.RFC3339Nano), []byte("Z"))
	}
	return append(buf, value...)
}

// epoch is what PostgreSQL counts the microseconds of a timestamp from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
