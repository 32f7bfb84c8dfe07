package outbox

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/internal/routine"
)

// row is a message that Slack has to be told of.
type row struct {
	Key, Channel, ChannelID, ParentTS, TS, Text string
	Blocks, Fallback                            []byte
	FileName, FileTitle, FileID                 string
	Hash, SendingHash                           []byte
	SendingSince                                *time.Time
	Attempts                                    int
	// Hold is the scope of a hold on the next call.
	Hold string
	// Refused are the scopes of refused types of blocks that are remembered.
	Refused []string
	// Thread is the key of the parent, "" if the outbox did not post it.
	Thread string
	// MayShow is true if Slack may show an earlier attempt whose outcome was not recorded.
	MayShow bool
	// Again is true after the message was deleted in Slack.
	Again bool
	// Since is when it began to wait. Late reports whether that is longer ago than [lateAfter], or than
	// [heldLateAfter] if it was held back. Behind is then how many others wait for the channel.
	Since  time.Time
	Late   bool
	Behind int
	// UnansweredAt is when the last post got no answer in time, nil if all were answered.
	UnansweredAt *time.Time
}

// delivery is one job's hold on a channel. It asks the database over the connection that holds the
// lock, so it cannot go on when the lock is lost.
type delivery struct {
	outbox  *Outbox
	session *locks.Session
	channel string
}

// deliver brings a channel up to date and returns the pause until something can be sent that has
// to wait, 0 when nothing has to. While another job has the channel there is nothing to do: that
// job looks again after it has let go, and finds what this one came for.
func (o *Outbox) deliver(ctx context.Context, channel string) (pause time.Duration, err error) {
	select {
	case o.running <- struct{}{}:
		defer func() { <-o.running }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	session, err := locks.Open(ctx, o.pool)
	if err != nil {
		return 0, err
	}
	defer session.Close()
	d := &delivery{outbox: o, session: session, channel: channel}
	for {
		mine, err := session.TryLock(ctx, d.lock())
		if err != nil || !mine {
			return 0, err
		}
		pause, err = d.drain(ctx)
		if err = errors.Join(err, session.Unlock(ctx, d.lock())); err != nil {
			return 0, err
		}
		more, err := d.ready(ctx)
		if err != nil || !more {
			return pause, err
		}
	}
}

// lock is the lock on the channel. Its key is that of earlier releases, which may deliver at the
// same time during an upgrade.
func (d *delivery) lock() locks.Name {
	sum := fnv.New64a()
	schema := d.outbox.pool.Config().ConnConfig.RuntimeParams["search_path"]
	_, _ = fmt.Fprintf(sum, "slack outbox/%s/%s", schema, d.channel)
	return locks.Numbered("outbox/"+d.channel, int64(sum.Sum64()))
}

// recording is a context for recording what has already happened.
func recording(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// drain sends what may be sent, one message after the other.
func (d *delivery) drain(ctx context.Context) (pause time.Duration, err error) {
	for until := time.Now().Add(deliverBudget); time.Now().Before(until); {
		m, err := d.next(ctx)
		if errors.Is(err, pgx.ErrNoRows) {
			return d.pause(ctx)
		}
		if err != nil {
			return 0, err
		}
		err = routine.Call(func() error { return d.send(ctx, m) })
		if err != nil {
			err = d.setAside(ctx, m, err)
		}
		if err != nil {
			return 0, err
		}
	}
	return time.Millisecond, nil
}

func (d *delivery) next(ctx context.Context) (row, error) {
	rows, err := d.session.Conn().Query(ctx, selectNext, d.channel, slices.Collect(maps.Values(refusals)),
		lateAfter, heldLateAfter)
	if err != nil {
		return row{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
}

// ready reports whether a message may be sent now.
func (d *delivery) ready(ctx context.Context) (some bool, err error) {
	err = d.session.Conn().QueryRow(ctx, selectReady, d.channel).Scan(&some)
	return some, err
}

// pause returns how long until a message may be sent that waits for a time, 0 when none does.
func (d *delivery) pause(ctx context.Context) (time.Duration, error) {
	var seconds *float64
	err := d.session.Conn().QueryRow(ctx, selectPause, d.channel).Scan(&seconds)
	if err != nil || seconds == nil {
		return 0, err
	}
	return max(time.Duration(*seconds*float64(time.Second)), time.Millisecond), nil
}

// send delivers one message in whichever way it needs, and records the result.
func (d *delivery) send(ctx context.Context, m row) error {
	switch m.kind() {
	case fileAttempt:
		return d.sendFile(ctx, m)
	case updateAttempt:
		return d.update(ctx, m)
	default:
		return d.post(ctx, m)
	}
}

// kind is that of the attempt which delivers the message.
func (m row) kind() attempt {
	switch {
	case m.FileName != "":
		return fileAttempt
	case m.TS != "":
		return updateAttempt
	}
	return postAttempt
}

// exec runs one of the package's statements.
func (d *delivery) exec(ctx context.Context, query string, args ...any) error {
	_, err := d.session.Conn().Exec(ctx, query, args...)
	return err
}
