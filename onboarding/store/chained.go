package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
)

// chained lists, for each kind of entry, its rows: the columns by which an entry names each, and
// those of its record as it would be now, sorted by name. They are those of the functions
// chain_record in the migrations, repeated here: whoever can edit rows can edit functions. Where
// there is a function record, it returns the columns of a row's record. Approvals come before what
// is about them.
var chained = []chainedKind{
	{"run", []string{"id"}, `SELECT channel, created_at AS created, delete_certificates, ended_at AS ended,
		ended_by->>'id' AS ended_by, id, kind, renews, request::text, requester->>'id' AS requester, slug, state,
		submission, tenant_id AS tenant, undoes FROM runs`, nil},
	{"approval", []string{"id"}, `SELECT sha256(change), apply_now, asked_at AS asked, closed_at AS closed, digest,
		moved AS drift, escalate_at AS escalate, expires_at AS expires, id, needs, reason_needed, remind_at AS remind,
		state, step FROM approvals`, approvalsByID.approval},
	{"event", []string{"id"}, `SELECT actor->>'id' AS actor, approval_id AS approval, at, digest, id, kind,
		actor->>'name' AS name, step, text, (date_part('epoch', took) * 1000000)::bigint AS took FROM events`,
		approvalsByID.event},
	{"vote", []string{"approval", "operator"}, `SELECT agrees, approval_id AS approval, at, broke_glass, NULL AS digest,
		name, operator, reason, source FROM votes`, approvalsByID.vote},
	{"attempt", []string{"id"}, `SELECT approval_id AS approval, NULL AS digest, error, finished_at AS finished, id,
		lines, outcome, sha256(convert_to(log, 'UTF8')) AS output, started_at AS started, step,
		convert_to(array_to_string(tail, E'\n'), 'UTF8') AS tail FROM attempts WHERE outcome <> 'running'`,
		approvalsByID.attempt},
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

// approvalsByID are the approvals read so far. What is about them is joined with them here, since
// joins in the database take longer.
type approvalsByID map[uuid.UUID]*votedApproval

// votedApproval is what an approval, its votes and its events say of each other.
type votedApproval struct {
	digest            []byte
	state             onboarding.ApprovalState
	needs, agree      int32
	rejected          bool
	brokeGlass        bool
	applyNow, pressed bool // its change waits for no window, and an event says who pressed Apply now
}

func (a approvalsByID) approval(row [][]byte) [][]byte {
	sum, applyNow, record := row[0], row[1], row[2:]
	closed, digest, id, needs, state := record[1], record[2], record[6], record[7], record[10]
	approval := &votedApproval{digest: slices.Clone(digest), state: onboarding.ApprovalState(state),
		needs: math.MaxInt32, applyNow: isTrue(applyNow)}
	if needs != nil {
		approval.needs = int32(binary.BigEndian.Uint32(needs))
	}
	a[toUUID(id)] = approval
	if hex.EncodeToString(sum) != string(digest) {
		record[2] = nil // the change is another one
	}
	if closed == nil {
		record[10] = []byte(onboarding.ApprovalOpen) // which state an open one has follows from its votes
	}
	return record
}

func (a approvalsByID) event(record [][]byte) [][]byte {
	about, kind := record[1], record[5]
	if string(kind) == string(onboarding.EventApplyNow) {
		if approval := a[toUUID(about)]; approval != nil {
			approval.pressed = true
		}
	}
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
	if tail := record[10]; tail != nil { // it is short, so hashing it here takes less time than in the database
		sum := sha256.Sum256(tail)
		record[10] = sum[:]
	}
	return record
}

func isTrue(value []byte) bool { return len(value) > 0 && value[0] != 0 }

// toUUID is zero for NULL.
func toUUID(value []byte) (id uuid.UUID) {
	copy(id[:], value)
	return id
}

// problems lists the approvals whose state says that people decided, and whose votes do not; and
// those whose change waits for no window, with no event that says who decided that.
func (a approvalsByID) problems() (problems []string) {
	for id, approval := range a {
		if !approval.decided() {
			problems = append(problems,
				fmt.Sprintf("approval %s is %s, and its votes do not say so", id, approval.state))
		}
		if approval.applyNow && !approval.pressed {
			problems = append(problems,
				fmt.Sprintf("approval %s waits for no window, and no event says who pressed Apply now", id))
		}
	}
	slices.Sort(problems)
	return problems
}

// decided reports whether the votes say what the state says.
func (a *votedApproval) decided() bool {
	switch a.state {
	case onboarding.ApprovalRejected:
		return a.rejected
	case onboarding.ApprovalApproved, onboarding.ApprovalAheadApproved, onboarding.ApprovalUsed:
		return a.brokeGlass || a.agree >= a.needs
	}
	return true
}

// readChained reads the rows that the chain is about, as it would record them now, and returns
// what is wrong with them whatever the chain says.
func readChained(ctx context.Context, tx pgx.Tx, into *audit.Rows) (problems []string, err error) {
	approvals := approvalsByID{}
	for _, kind := range chained {
		if err := kind.read(ctx, tx, approvals, into); err != nil {
			return nil, err
		}
	}
	into.Index()
	return approvals.problems(), nil
}

func (k chainedKind) read(ctx context.Context, tx pgx.Tx, approvals approvalsByID, into *audit.Rows) error {
	rows, err := tx.Query(ctx, k.sql, binaryFormat)
	if err != nil {
		return err
	}
	defer rows.Close()
	kind := []byte(k.kind)
	columns := rows.FieldDescriptions()
	var named []int
	for i, column := range columns {
		if slices.Contains(k.name, column.Name) {
			named = append(named, i)
		}
	}
	var writer recordWriter
	var name, record []byte
	for rows.Next() {
		values := rows.RawValues()
		name = name[:0]
		for _, i := range named {
			if len(name) > 0 {
				name = append(name, '/')
			}
			name = writer.appendValue(name, columns[i].DataTypeOID, values[i])
		}
		if k.record != nil {
			values = k.record(approvals, values)
		}
		record, err = writer.appendRecord(record[:0], columns[len(columns)-len(values):], values)
		if err != nil {
			return err
		}
		into.Add(kind, name, record)
	}
	return rows.Err()
}
