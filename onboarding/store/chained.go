package store

import (
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

// chained lists, for each kind of entry, its rows: how an entry names each, and the columns of its
// record as it would be now, sorted by name. They are those of the functions chain_record in the
// migrations, repeated here: whoever can edit rows can edit functions. Where there is a function
// record, it returns these columns of a row. Approvals come before what is about them.
var chained = []struct {
	kind, sql string
	record    func(approvalsByID, [][]byte) [][]byte
}{
	{"run", `SELECT id::text, channel, created_at AT TIME ZONE 'UTC' AS created, delete_certificates,
		ended_at AT TIME ZONE 'UTC' AS ended, ended_by->>'id' AS ended_by, id, kind, renews, request::text,
		requester->>'id' AS requester, slug, state, submission, tenant_id AS tenant, undoes FROM runs`, nil},
	{"event", `SELECT id::text, actor->>'id' AS actor, approval_id AS approval, at AT TIME ZONE 'UTC' AS at, digest, id,
		kind, actor->>'name' AS name, step, text, (date_part('epoch', took) * 1000000)::bigint AS took
		FROM events`, nil},
	{"approval", `SELECT id::text, digest, state,
		asked_at AT TIME ZONE 'UTC' AS asked, closed_at AT TIME ZONE 'UTC' AS closed,
		CASE encode(sha256(change), 'hex') WHEN digest THEN digest END AS digest, moved AS drift,
		escalate_at AT TIME ZONE 'UTC' AS escalate, expires_at AT TIME ZONE 'UTC' AS expires, id, needs, reason_needed,
		remind_at AT TIME ZONE 'UTC' AS remind, CASE WHEN closed_at IS NULL THEN 'open' ELSE state END AS state, step
		FROM approvals`, approvalsByID.approval},
	{"vote", `SELECT concat(approval_id, '/', operator), agrees, approval_id AS approval, at AT TIME ZONE 'UTC' AS at,
		broke_glass, NULL AS digest, name, operator, reason, source FROM votes`, approvalsByID.vote},
	{"attempt", `SELECT id::text, approval_id AS approval, NULL AS digest, error,
		finished_at AT TIME ZONE 'UTC' AS finished, id, lines, outcome,
		encode(sha256(convert_to(log, 'UTF8')), 'hex') AS output,
		started_at AT TIME ZONE 'UTC' AS started, step,
		encode(sha256(convert_to(array_to_string(tail, E'\n'), 'UTF8')), 'hex') AS tail
		FROM attempts WHERE outcome <> 'running'`, approvalsByID.attempt},
	{"freeze", `SELECT id::text, frozen_at AT TIME ZONE 'UTC' AS frozen, frozen_by->>'id' AS frozen_by, id, reason,
		thawed_at AT TIME ZONE 'UTC' AS thawed, thawed_by->>'id' AS thawed_by FROM freezes`, nil},
	{"risk", `SELECT id::text, asked_at AT TIME ZONE 'UTC' AS asked, channel, confirm, definition,
		expires_at AT TIME ZONE 'UTC' AS expires, finding, id, name, needs, object, operation, operator, reason, report,
		source, until FROM risks`, nil},
	{"risk_vote", `SELECT concat(risk_id, '/', operator, '/', act), act, at AT TIME ZONE 'UTC' AS at, confirmed, name,
		operator, reason, risk_id AS risk, source FROM risk_votes`, nil},
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
	digest, state, record := row[1], row[2], row[3:]
	id, needs := record[6], record[7]
	approval := &votedApproval{digest: slices.Clone(digest), state: onboarding.ApprovalState(state),
		needs: math.MaxInt32}
	if needs != nil {
		approval.needs = int32(binary.BigEndian.Uint32(needs))
	}
	a[toUUID(id)] = approval
	return record
}

func (a approvalsByID) vote(row [][]byte) [][]byte {
	record := row[1:]
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

func (a approvalsByID) attempt(row [][]byte) [][]byte {
	record := row[1:]
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
	var buf []byte
	for _, kind := range chained {
		rows, err := tx.Query(ctx, kind.sql, binaryFormat)
		if err != nil {
			return nil, err
		}
		name := []byte(kind.kind)
		for rows.Next() {
			values := rows.RawValues()
			record := values[1:]
			if kind.record != nil {
				record = kind.record(approvals, values)
			}
			columns := rows.FieldDescriptions()[len(values)-len(record):]
			if buf, err = appendRecord(buf[:0], columns, record); err != nil {
				rows.Close()
				return nil, err
			}
			into.Add(name, values[0], buf)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return approvals.undecided(), nil
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
			buf = at.AppendFormat(append(buf, '"'), time.RFC3339Nano)
			buf[len(buf)-1] = '"' // in place of the Z
		default:
			return nil, fmt.Errorf("column %s is of type %d", column.Name, column.DataTypeOID)
		}
	}
	return append(buf, '}'), nil
}

// epoch is what PostgreSQL counts the microseconds of a timestamp from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
