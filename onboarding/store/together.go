package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// togetherWindow is how long after a message with approval requests was posted, or somebody
	// decided in it, another request still joins it. People are there then. Later they may have
	// gone, and only a message of its own notifies them.
	togetherWindow = time.Minute
	// maxTogether bounds the requests of one message, and maxOpenTogether those of them that are
	// open. With them it stays below Slack's 50 blocks.
	maxTogether     = 7
	maxOpenTogether = 3
)

// askTogether finds the newest message with requests of run $1, and the request it began with,
// unless the request $2 of step $3 needs a message of its own: since the other one is full,
// somebody has to read below it, or people may have gone. The message of a request is posted when
// the step asks or, for one that was approved in advance, when its application begins.
const askTogether = `
	WITH leader AS (
		SELECT a.id, min(e.id) AS posted FROM approvals a JOIN events e ON e.run_id = a.run_id
			AND e.approval_id = a.id AND e.kind IN ('asked', 'applying')
		WHERE a.run_id = $1 AND a.asked_with IS NULL AND a.id <> $2 GROUP BY a.id ORDER BY min(e.id) DESC LIMIT 1
	), members AS (
		SELECT a.id, a.step, a.state FROM approvals a, leader
		WHERE a.run_id = $1 AND leader.id IN (a.id, a.asked_with)
	)
	UPDATE approvals SET asked_with = leader.id FROM leader
	WHERE approvals.id = $2
		AND (SELECT count(*) < $4 AND count(*) FILTER (WHERE state = 'open') < $5
			AND bool_and(step <> $3 AND state IN ('open', 'approved', 'used')) FROM members)
		AND clock_timestamp() - $6::interval < (SELECT max(at) FROM events
			WHERE run_id = $1 AND (id = leader.posted OR approval_id IN (SELECT id FROM members)
				AND kind IN ('approved', 'broke_glass')))
	RETURNING asked_with`

// AskTogether puts a stored approval, whose step's turn has come, into the message of the requests
// that came before it, if they came together, and sets its AskedWith. The transaction has locked
// the run.
func (s Statements) AskTogether(ctx context.Context, approval *onboarding.Approval) error {
	var with uuid.UUID
	err := s.db.QueryRow(ctx, askTogether, approval.RunID, approval.ID, approval.Step, maxTogether, maxOpenTogether,
		togetherWindow).Scan(&with)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("message of approval %s: %w", approval.ID, err)
	}
	approval.AskedWith = with
	return nil
}
