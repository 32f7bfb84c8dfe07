package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sethvargo/go-retry"

	"github.com/atlilith/onboardbot/internal/liveness"
)

// deduplicator remembers what was handled, so what Slack delivers twice, on whatever connection
// or replica, is handled once. A replica begins an envelope, then finishes it with the
// acknowledgement that was sent. An envelope that a replica began before it died is begun again
// by another.
type deduplicator struct {
	pool    *pgxpool.Pool
	replica *liveness.Replica
	log     *slog.Logger

	// claimed are the keys under way in this process. The database may say of others that this
	// replica began them: those it gave up.
	mu      sync.Mutex
	claimed map[string]bool
}

func newDeduplicator(pool *pgxpool.Pool, replica *liveness.Replica, log *slog.Logger) *deduplicator {
	return &deduplicator{pool: pool, replica: replica, log: log, claimed: map[string]bool{}}
}

// status says what to do with an envelope.
type status int

const (
	// fresh means that nobody has handled it, or that the replica that began it died.
	fresh status = iota
	// done means that the stored acknowledgement is to be sent.
	done
	// busy means that another delivery of it is being handled now.
	busy
)

// pollEvery is how often a repeated delivery asks whether the first one is done.
const pollEvery = 50 * time.Millisecond

// errBusy makes await ask again.
var errBusy = errors.New("another delivery is being handled")

// await claims a key until [deduplicator.finish], or returns what became of it. While the key is
// busy it waits for the other delivery until ctx ends, when it returns busy.
func (d *deduplicator) await(ctx context.Context, key string) (s status, ack json.RawMessage, err error) {
	err = retry.Do(ctx, retry.NewConstant(pollEvery), func(ctx context.Context) (err error) {
		if s, ack, err = d.begin(ctx, key); err == nil && s == busy {
			return retry.RetryableError(errBusy)
		}
		return err
	})
	if s == busy && ctx.Err() != nil {
		return busy, nil, nil
	}
	if err != nil {
		return s, nil, fmt.Errorf("begin envelope: %w", err)
	}
	return s, ack, nil
}

func (d *deduplicator) begin(ctx context.Context, key string) (s status, ack json.RawMessage, err error) {
	if !d.claim(key) {
		return busy, nil, nil
	}
	defer func() {
		if err != nil || s != fresh {
			d.release(key)
		}
	}()
	begun, err := d.pool.Exec(ctx, beginEnvelope, key, d.replica.Key())
	if err != nil || begun.RowsAffected() == 1 {
		return fresh, nil, err
	}
	err = d.pool.QueryRow(ctx, selectAck, key).Scan(&ack)
	if errors.Is(err, pgx.ErrNoRows) {
		return busy, nil, nil
	}
	return done, ack, err
}

// claim takes a key for one delivery in this process.
func (d *deduplicator) claim(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.claimed[key] {
		return false
	}
	d.claimed[key] = true
	return true
}

func (d *deduplicator) release(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.claimed, key)
}

// finish records that a key is done, and the acknowledgement that was sent.
func (d *deduplicator) finish(ctx context.Context, key string, ack json.RawMessage) error {
	defer d.release(key)
	if _, err := d.pool.Exec(ctx, finishEnvelope, key, ack, d.replica.Key()); err != nil {
		return fmt.Errorf("finish envelope: %w", err)
	}
	return nil
}

// expireEvery is how often envelopes that are older than the retention are deleted.
const expireEvery = time.Hour

// expire deletes what was begun longer ago than the retention, at once and every hour until ctx
// ends.
func (d *deduplicator) expire(ctx context.Context, retention time.Duration) {
	ticker := time.NewTicker(expireEvery)
	defer ticker.Stop()
	for {
		_, err := d.pool.Exec(ctx, expireEnvelopes, retention)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("old envelopes were not deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
