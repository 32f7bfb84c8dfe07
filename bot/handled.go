package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// handled remembers what was handled, so that what Slack delivers twice, on whatever connection or replica, is handled once.
// It has two phases: an envelope is begun by a replica, then done with the acknowledgement that was sent. What was begun by a
// replica that has died since is begun again.
type handled struct {
	pool *pgxpool.Pool
	sql  tables
	self *presence
}

// verdict says what to do with an envelope.
type verdict int

const (
	// fresh: nobody has handled it, or who began died.
	fresh verdict = iota
	// done: send the stored acknowledgement.
	done
	// busy: another delivery of it is being handled now.
	busy
)

// poll is how often a repeated delivery asks whether the first one is done.
const poll = 50 * time.Millisecond

// begin claims a key, or says what became of it.
func (h *handled) begin(ctx context.Context, key string) (verdict, json.RawMessage, error) {
	var claimed bool
	err := h.pool.QueryRow(ctx, h.sql.sql(`
		INSERT INTO slack_envelopes AS e (key, owner) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, begun_at = now()
			WHERE e.done_at IS NULL AND e.owner <> excluded.owner AND NOT `+alive("e.owner")+`
		RETURNING true`), key, h.self.id).Scan(&claimed)
	if err == nil {
		return fresh, nil, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, fmt.Errorf("begin envelope: %w", err)
	}
	var finished bool
	var ack []byte
	err = h.pool.QueryRow(ctx, h.sql.sql(`SELECT done_at IS NOT NULL, ack FROM slack_envelopes WHERE key = $1`), key).Scan(&finished, &ack)
	if err != nil {
		return 0, nil, fmt.Errorf("read envelope: %w", err)
	}
	if !finished {
		return busy, nil, nil
	}
	return done, ack, nil
}

// await begins a key, and while it is busy waits for the other delivery until ctx ends, when it is still busy.
func (h *handled) await(ctx context.Context, key string) (verdict, json.RawMessage, error) {
	for {
		v, ack, err := h.begin(ctx, key)
		if err != nil || v != busy {
			return v, ack, err
		}
		if !sleep(ctx, poll) {
			return busy, nil, nil
		}
	}
}

// finish records that a key is done and what it was acknowledged with.
func (h *handled) finish(ctx context.Context, key string, ack json.RawMessage) error {
	_, err := h.pool.Exec(ctx, h.sql.sql(`
		UPDATE slack_envelopes SET done_at = now(), ack = $3 WHERE key = $1 AND owner = $2`), key, h.self.id, []byte(ack))
	if err != nil {
		return fmt.Errorf("finish envelope: %w", err)
	}
	return nil
}
