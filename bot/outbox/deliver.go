package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// holdScope is, in SQL, what a hold on the next call for message m is called: the method, and for posts the channel too, since Slack
// limits those per channel (https://docs.slack.dev/apis/web-api/rate-limits).
const holdScope = `CASE
	WHEN m.file_name IS NOT NULL THEN 'files'
	WHEN m.ts IS NULL THEN 'chat.postMessage/' || m.channel
	ELSE 'chat.update' END`

// row is a message that Slack should be told of.
type row struct {
	Key, Channel, ChannelID, ThreadTS, TS, Text string
	Blocks, Fallback                            []byte
	FileName, FileTitle, FileID                 string
	Hash, SendingHash                           []byte
	SendingSince                                *time.Time
	Attempts                                    int
	Hold                                        string
	// PlanRefused is true while a refusal of plan blocks is remembered.
	PlanRefused bool
}

// deliver brings a channel up to date and returns when to come again for what has to wait; 0 when nothing does. While another
// job has the channel there is nothing to do: that job looks again after it has let go, and finds what this one came for.
func (o *Outbox) deliver(ctx context.Context, channel string) (again time.Duration, err error) {
	select {
	case o.connections <- struct{}{}:
		defer func() { <-o.connections }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	conn, err := o.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	d := &delivery{outbox: o, conn: conn, channel: channel}
	for {
		mine, err := d.lock(ctx)
		if err != nil || !mine {
			return 0, err
		}
		again, err = d.drain(ctx)
		if err = errors.Join(err, d.unlock(ctx)); err != nil {
			return 0, err
		}
		more, err := d.waiting(ctx)
		if err != nil || !more {
			return again, err
		}
	}
}

// delivery is one job's hold on a channel. Everything it asks the database goes over the connection that holds the lock, so that
// it cannot go on when the lock is lost.
type delivery struct {
	outbox  *Outbox
	conn    *pgxpool.Conn
	channel string
}

// lockName is, in SQL, the number of the advisory lock on channel $1 of the outbox in this schema.
const lockName = `hashtextextended('onboardbot/outbox/' || current_schema() || '/' || $1, 0)`

// lock takes the channel, and reports false when another job has it.
func (d *delivery) lock(ctx context.Context) (mine bool, err error) {
	err = d.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+lockName+`)`, d.channel).Scan(&mine)
	return mine, err
}

func (d *delivery) unlock(ctx context.Context) error {
	ctx, cancel := recording(ctx)
	defer cancel()
	if _, err := d.conn.Exec(ctx, `SELECT pg_advisory_unlock(`+lockName+`)`, d.channel); err != nil {
		// The lock must not go back to the pool.
		_ = d.conn.Conn().Close(ctx)
		return err
	}
	return nil
}

// recording is a context for writing down what has already happened.
func recording(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// drain sends what is due, one message after the other.
func (d *delivery) drain(ctx context.Context) (again time.Duration, err error) {
	for until := time.Now().Add(deliverBudget); time.Now().Before(until); {
		m, err := d.next(ctx)
		if errors.Is(err, pgx.ErrNoRows) {
			return d.wake(ctx)
		}
		if err != nil {
			return 0, err
		}
		if err := d.send(ctx, m); err != nil {
			return 0, err
		}
	}
	return time.Millisecond, nil
}

// due is, in SQL, what may be sent now: its time has come and nothing holds it, its thread exists, and of the first posts in a lane
// (a thread, or the top level) it is the oldest. Nothing waits for a file, which Slack shares when it likes.
const due = `m.waiting AND m.due_at <= now()
	AND (h.until IS NULL OR h.until <= now())
	AND (m.thread IS NULL OR p.ts IS NOT NULL)
	AND (m.delivered_hash IS NOT NULL OR NOT EXISTS (
		SELECT FROM slack_messages e
		WHERE e.channel = m.channel AND e.thread IS NOT DISTINCT FROM m.thread AND e.thread_ts IS NOT DISTINCT FROM m.thread_ts
		  AND e.seq < m.seq AND e.delivered_hash IS NULL AND e.waiting AND e.file_name IS NULL))`

const waitingRows = ` FROM slack_messages m LEFT JOIN slack_messages p ON p.key = m.thread LEFT JOIN slack_holds h ON h.scope = ` + holdScope

func (d *delivery) next(ctx context.Context) (row, error) {
	rows, err := d.conn.Query(ctx, `
		SELECT m.key, m.channel, coalesce(m.channel_id, ''), coalesce(p.ts, m.thread_ts, ''), coalesce(m.ts, ''), m.text,
			m.blocks, m.fallback, coalesce(m.file_name, ''), coalesce(m.file_title, ''), coalesce(m.file_id, ''),
			m.hash, m.sending_hash, m.sending_since, m.attempts, `+holdScope+`,
			EXISTS (SELECT FROM slack_holds r WHERE r.scope = '`+planRefusal+`' AND r.until > now())`+
		waitingRows+` WHERE m.channel = $1 AND `+due+` ORDER BY m.seq LIMIT 1`, d.channel)
	if err != nil {
		return row{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[row])
}

// waiting reports whether anything is due.
func (d *delivery) waiting(ctx context.Context) (some bool, err error) {
	err = d.conn.QueryRow(ctx, `SELECT EXISTS (SELECT`+waitingRows+` WHERE m.channel = $1 AND `+due+`)`, d.channel).Scan(&some)
	return some, err
}

// wake returns how long until something that waits for a time is due, or 0.
func (d *delivery) wake(ctx context.Context) (time.Duration, error) {
	var seconds *float64
	err := d.conn.QueryRow(ctx, `
		SELECT extract(epoch FROM min(greatest(m.due_at, h.until)) - now())::float8`+waitingRows+`
		WHERE m.channel = $1 AND m.waiting AND greatest(m.due_at, h.until) > now()`, d.channel).Scan(&seconds)
	if err != nil || seconds == nil {
		return 0, err
	}
	return max(time.Duration(*seconds*float64(time.Second)), time.Millisecond), nil
}

// send delivers one message in whichever way it needs, and records what came of it.
func (d *delivery) send(ctx context.Context, m row) error {
	switch {
	case m.FileName != "":
		return d.file(ctx, m)
	case m.TS != "":
		return d.update(ctx, m)
	default:
		return d.post(ctx, m)
	}
}
