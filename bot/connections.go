package bot

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sethvargo/go-retry"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/webapi"
	"github.com/atlilith/onboardbot/internal/routine"
)

const (
	// maxConnections is how many Socket Mode connections Slack gives one app
	// (https://docs.slack.dev/apis/events-api/using-socket-mode).
	maxConnections = 10
	minBackoff     = 100 * time.Millisecond
	maxBackoff     = 30 * time.Second
	// minLifetime is what a connection lives at least where all is well. After a shorter life the
	// next connection waits.
	minLifetime = time.Second
	// disabledBackoff follows link_disabled (Socket Mode is switched off) and
	// too_many_websockets: Slack asks not to come back at once.
	disabledBackoff = 30 * time.Second
)

// connections keeps a number of Socket Mode connections up. Each slot opens the successor as soon
// as Slack gives notice of its connection, while the old one is still served to its end.
type connections struct {
	api     *slack.Client
	log     *slog.Logger
	metrics *metrics
	count   int
	// memory is lost while the database is away; no connection is held then.
	memory *memory
	// receive is called from each connection's reader and must not block.
	receive func(envelope, *connection)

	open atomic.Int64
}

func newConnections(workspace *Workspace, memory *memory, receive func(envelope, *connection)) *connections {
	return &connections{
		api:     workspace.api,
		log:     workspace.log,
		metrics: workspace.metrics,
		count:   workspace.cfg.Connections,
		memory:  memory,
		receive: receive,
	}
}

// newBackoff doubles the pauses from minBackoff to maxBackoff.
func newBackoff() retry.Backoff {
	return retry.WithCappedDuration(maxBackoff, retry.NewExponential(minBackoff))
}

// run holds the connections until ctx ends, then calls drained while they stay open for the
// acknowledgements under way. It returns an error that wraps [webapi.ErrRevoked] when Slack
// refuses the app for good.
func (c *connections) run(ctx context.Context, drained func()) error {
	// Serving outlives ctx, since acknowledgements still have to leave.
	serving, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	dialing, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var slots, readers sync.WaitGroup
	for slot := range c.count {
		slots.Go(routine.Contained(func() {
			if err := c.keepSlot(dialing, serving, slot, &readers); err != nil {
				giveUp(err)
			}
		}))
	}
	slots.Wait()
	drained()
	stop(nil)
	readers.Wait()
	if err := context.Cause(dialing); errors.Is(err, webapi.ErrRevoked) {
		return err
	}
	return nil
}

// keepSlot keeps one slot's connection up until dialing ends.
func (c *connections) keepSlot(dialing, serving context.Context, slot int, readers *sync.WaitGroup) error {
	backoff := newBackoff()
	for generation := 0; ; generation++ {
		if !c.memory.await(dialing) {
			return nil
		}
		conn, err := c.dial(dialing, slot)
		if err != nil {
			return err
		}
		began := time.Now()
		readers.Go(routine.Contained(func() { c.serve(serving, conn, slot) }))
		select {
		case <-dialing.Done():
			return nil
		case <-conn.ended:
		case <-conn.notice:
			c.log.Info("slack is about to end a connection", "slot", slot, "reason", conn.reason)
			if conn.reason == "link_disabled" || conn.reason == "too_many_websockets" {
				if !sleep(dialing, disabledBackoff) {
					return nil
				}
			}
			// A notice is routine, however young the connection is.
			backoff = newBackoff()
		case <-c.stagger(conn, slot, generation):
			c.log.Debug("a slack connection gets its successor early", "slot", slot)
		}
		if time.Since(began) > minLifetime {
			backoff = newBackoff()
			continue
		}
		pause, _ := backoff.Next()
		if !sleep(dialing, pause) {
			return nil
		}
	}
}

// stagger says when a connection gets its successor before Slack asks. It does so once for each
// slot, so connections that were opened together at the start do not also end together. The old
// one stays until Slack ends it; closing it here could lose an envelope on its way.
func (c *connections) stagger(conn *connection, slot, generation int) <-chan time.Time {
	if slot == 0 || generation > 0 || conn.lifetime == 0 || 2*c.count-1 > maxConnections {
		return nil
	}
	return time.After(conn.lifetime * time.Duration(slot) / time.Duration(c.count))
}

// dial opens a connection, however often that takes. It fails only when ctx ends or Slack refuses
// the app for good.
func (c *connections) dial(ctx context.Context, slot int) (conn *connection, err error) {
	backoff := newBackoff()
	var throttled time.Duration
	pause := retry.BackoffFunc(func() (time.Duration, bool) {
		next, stop := backoff.Next()
		next = max(next, throttled)
		c.log.Warn("slack connection failed", "slot", slot, "error", err, "retry_in", next)
		return next, stop
	})
	return retry.DoValue(ctx, pause, func(ctx context.Context) (*connection, error) {
		if conn, err = dial(ctx, c.api); err == nil {
			c.metrics.opened.WithLabelValues("ok").Inc()
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.metrics.opened.WithLabelValues("failed").Inc()
		if errors.Is(err, webapi.ErrRevoked) {
			return nil, err
		}
		_, throttled = webapi.Classify(err)
		return nil, retry.RetryableError(err)
	})
}

func (c *connections) serve(ctx context.Context, conn *connection, slot int) {
	c.metrics.connected.Set(float64(c.open.Add(1)))
	c.log.Info("slack connection up", "slot", slot)
	stop := context.AfterFunc(ctx, conn.close)
	stopLost := context.AfterFunc(c.memory.whilePresent(), conn.close)
	err := conn.serve(
		func(e envelope) { c.receive(e, conn) },
		func(err error) { c.log.Warn("slack sent a frame that is not JSON", "slot", slot, "error", err) })
	stop()
	stopLost()
	c.metrics.connected.Set(float64(c.open.Add(-1)))
	c.log.Info("slack connection ended", "slot", slot, "reason", conn.closeReason(), "cause", err)
}

// sleep waits unless ctx ends first.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
