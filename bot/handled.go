package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// handled remembers what was handled, so that what Slack delivers twice, on whatever connection or replica, is handled once.
// It has two phases: an envelope is begun by a replica, then done with the acknowledgement that was sent. What was begun by a
// replica that has died since is begun again.
type handled struct {
	pool    *pgxpool.Pool
	self    *presence
	timeout time.Duration
	log     *slog.Logger

	begins   batch[string, begun]
	finishes batch[finished, struct{}]

	// mine are the keys under way in this process. What the database says this replica began, and is not here, it gave up.
	mu   sync.Mutex
	mine map[string]bool
}

func newHandled(pool *pgxpool.Pool, self *presence, timeout time.Duration) *handled {
	h := &handled{pool: pool, self: self, timeout: timeout, log: self.log, mine: map[string]bool{}}
	h.begins.run, h.finishes.run = h.beginAll, h.finishAll
	return h
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

type begun struct {
	verdict verdict
	ack     json.RawMessage
}

type finished struct {
	key string
	ack json.RawMessage
}

// poll is how often a repeated delivery asks whether the first one is done.
const poll = 50 * time.Millisecond

// await claims a key, which [handled.finish] gives back, or says what became of it. While it is busy it waits for the other
// delivery until ctx ends, when it is still busy.
func (h *handled) await(ctx context.Context, key string) (verdict, json.RawMessage, error) {
	for {
		b, err := h.begin(ctx, key)
		if err != nil || b.verdict != busy {
			return b.verdict, b.ack, err
		}
		if !sleep(ctx, poll) {
			return busy, nil, nil
		}
	}
}

func (h *handled) begin(ctx context.Context, key string) (b begun, err error) {
	h.mu.Lock()
	if h.mine[key] {
		h.mu.Unlock()
		return begun{verdict: busy}, nil
	}
	h.mine[key] = true
	h.mu.Unlock()
	b, err = h.begins.do(ctx, key)
	if err != nil {
		err = fmt.Errorf("begin envelope: %w", err)
	}
	if err != nil || b.verdict != fresh {
		h.release(key)
	}
	return b, err
}

func (h *handled) release(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.mine, key)
}

// finish records that a key is done and what it was acknowledged with.
func (h *handled) finish(ctx context.Context, key string, ack json.RawMessage) error {
	defer h.release(key)
	if _, err := h.finishes.do(ctx, finished{key, ack}); err != nil {
		return fmt.Errorf("finish envelope: %w", err)
	}
	return nil
}

// beginAll claims keys, each of which occurs once.
func (h *handled) beginAll(keys []string) ([]begun, error) {
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	// In one order everywhere, so that replicas with the same keys wait for each other and never in a circle.
	ordered := slices.Sorted(slices.Values(keys))
	rows, err := h.pool.Query(ctx, `
		INSERT INTO slack_envelopes AS e (key, owner) SELECT unnest($1::text[]), $2
		ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, begun_at = now()
			WHERE e.done_at IS NULL AND (e.owner = excluded.owner OR NOT `+alive("e.owner")+`)
		RETURNING key`, ordered, h.self.id)
	if err != nil {
		return nil, err
	}
	claimed, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	verdicts := make(map[string]begun, len(keys))
	for _, key := range claimed {
		verdicts[key] = begun{verdict: fresh}
	}
	if len(claimed) < len(keys) {
		if err := h.others(ctx, keys, verdicts); err != nil {
			return nil, err
		}
	}
	all := make([]begun, len(keys))
	for i, key := range keys {
		b, known := verdicts[key]
		if !known {
			b.verdict = busy
		}
		all[i] = b
	}
	return all, nil
}

// others adds what is known of the keys that could not be claimed.
func (h *handled) others(ctx context.Context, keys []string, verdicts map[string]begun) error {
	rows, err := h.pool.Query(ctx, `SELECT key, ack FROM slack_envelopes WHERE key = ANY($1) AND done_at IS NOT NULL`, keys)
	if err != nil {
		return err
	}
	var key string
	var ack []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &ack}, func() error {
		if _, ours := verdicts[key]; !ours {
			verdicts[key] = begun{verdict: done, ack: slices.Clone(ack)}
		}
		return nil
	})
	return err
}

func (h *handled) finishAll(lot []finished) ([]struct{}, error) {
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	keys, acks := make([]string, len(lot)), make([][]byte, len(lot))
	for i, f := range lot {
		keys[i], acks[i] = f.key, f.ack
	}
	_, err := h.pool.Exec(ctx, `
		UPDATE slack_envelopes e SET done_at = now(), ack = d.ack
		FROM unnest($1::text[], $2::bytea[]) AS d (key, ack)
		WHERE e.key = d.key AND e.owner = $3`, keys, acks, h.self.id)
	return make([]struct{}, len(lot)), err
}

// expireEvery is how often envelopes that are older than the retention are deleted.
const expireEvery = time.Hour

// expire deletes what was begun longer ago than the retention, at once and every hour until ctx ends.
func (h *handled) expire(ctx context.Context, retention time.Duration) {
	ticker := time.NewTicker(expireEvery)
	defer ticker.Stop()
	for {
		_, err := h.pool.Exec(ctx, `DELETE FROM slack_envelopes WHERE begun_at < now() - $1::interval`, retention)
		if err != nil && ctx.Err() == nil {
			h.log.Warn("old envelopes were not deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
