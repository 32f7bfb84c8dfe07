package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// maxWaiting is how many envelopes of a class may wait for a handler. What comes beyond, or waits
// longer than AckWithin, is not acknowledged: Slack tells the person, and sends events again.
const maxWaiting = 1000

// dispatcher hands envelopes to handlers: once each, bounded, acknowledged in time.
type dispatcher struct {
	router       *Router
	deduplicator *deduplicator
	metrics      *Metrics
	log          *slog.Logger
	cfg          Config

	// running bounds handlers by class.
	running [classes]chan struct{}

	// handling is the parent of every handler's context; abandon ends it.
	handling context.Context
	abandon  context.CancelFunc

	mu       sync.Mutex
	draining bool
	admitted [classes]int
	idle     sync.WaitGroup
}

func newDispatcher(w *Workspace, router *Router, deduplicator *deduplicator) *dispatcher {
	d := &dispatcher{router: router, deduplicator: deduplicator, metrics: w.Metrics, log: w.log, cfg: w.cfg}
	for i := range d.running {
		d.running[i] = make(chan struct{}, w.cfg.Concurrency)
	}
	d.handling, d.abandon = context.WithCancel(context.Background())
	return d
}

// receive takes an envelope from a connection's reader.
func (d *dispatcher) receive(e envelope, conn *connection) {
	received := time.Now()
	c, err := d.router.decode(e)
	if err != nil {
		// Unhandled on every replica alike, so a repeat would help nobody.
		d.log.Error("slack envelope not understood", "envelope", e.ID, "type", e.Type, "error", err)
		d.metrics.envelopes.WithLabelValues("other", "failed").Inc()
		d.send(e, conn, nil)
		return
	}
	if !d.admit(c.class) {
		d.log.Warn("slack envelope dropped", "envelope", e.ID, "subject", c.subject)
		d.metrics.envelopes.WithLabelValues(c.kind, "dropped").Inc()
		return
	}
	go func() {
		defer d.leave(c.class)
		result := d.handle(received, e, c, conn)
		d.metrics.envelopes.WithLabelValues(c.kind, result).Inc()
	}()
}

func (d *dispatcher) admit(c class) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draining || d.admitted[c] >= d.cfg.Concurrency+maxWaiting {
		return false
	}
	d.admitted[c]++
	d.idle.Add(1)
	return true
}

func (d *dispatcher) leave(c class) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.admitted[c]--
	d.idle.Done()
}

// drain takes nothing new and waits for handlers under way, then ends their contexts.
func (d *dispatcher) drain() {
	d.mu.Lock()
	d.draining = true
	d.mu.Unlock()
	timer := time.AfterFunc(d.cfg.DrainTimeout, d.abandon)
	defer timer.Stop()
	d.idle.Wait()
	d.abandon()
}

// handle does one envelope and returns the result for the metrics.
func (d *dispatcher) handle(received time.Time, e envelope, c call, conn *connection) string {
	log := d.log.With("envelope", e.ID, "subject", c.subject)
	var once sync.Once
	ack := func(payload json.RawMessage) {
		once.Do(func() {
			d.send(e, conn, payload)
			d.metrics.acks.WithLabelValues(c.kind).Observe(time.Since(received).Seconds())
		})
	}
	if c.run == nil {
		log.Warn("nobody handles this")
		ack(nil)
		return "unhandled"
	}
	ctx, cancel := context.WithTimeout(d.handling, d.cfg.HandlerTimeout)
	defer cancel()
	inTime, cancelInTime := context.WithDeadline(ctx, received.Add(d.cfg.AckWithin))
	defer cancelInTime()
	select {
	case d.running[c.class] <- struct{}{}:
		defer func() { <-d.running[c.class] }()
	case <-inTime.Done():
		log.Error("no handler was free in time", "concurrency", d.cfg.Concurrency)
		return "dropped"
	}
	if c.key != "" {
		v, stored, err := d.deduplicator.await(inTime, c.key)
		switch {
		case err != nil && c.class == events:
			log.Error("event left for Slack to send again", "error", err)
			return "failed"
		case err != nil:
			log.Error("envelope not handled", "error", err)
			ack(c.apology)
			return "failed"
		case v != fresh:
			log.Info("envelope came again", "retry", e.Retry, "busy", v == busy)
			ack(stored)
			return "repeated"
		}
	}
	late := context.AfterFunc(inTime, func() { ack(nil) })
	payload, err := d.run(ctx, c)
	if err == nil {
		_, err = frame(e.ID, payload)
	}
	result := "handled"
	if err != nil {
		log.Error("slack handler failed", "error", err)
		payload, result = c.apology, "failed"
	}
	if c.key != "" {
		// Also after ctx: what was done must not be done again.
		recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.cfg.CallTimeout)
		defer cancel()
		if err := d.deduplicator.finish(recording, c.key, payload); err != nil {
			log.Error("envelope may be handled again", "error", err)
		}
	}
	if !late() {
		log.Warn("handler outlasted its acknowledgement", "took", time.Since(received))
		if result == "handled" {
			result = "late"
		}
	}
	ack(payload)
	return result
}

// errPanicked means that a handler panicked; the log has the stack.
var errPanicked = errors.New("handler panicked")

func (d *dispatcher) run(ctx context.Context, c call) (payload json.RawMessage, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			d.log.Error("slack handler panicked", "subject", c.subject, "panic", cause, "stack", string(debug.Stack()))
			payload, err = nil, fmt.Errorf("%w: %v", errPanicked, cause)
		}
	}()
	return c.run(ctx)
}

// send acknowledges on the connection that the envelope came by. When that is gone the
// acknowledgement is lost: Slack delivers again, and the stored one answers.
func (d *dispatcher) send(e envelope, conn *connection, payload json.RawMessage) {
	encoded, err := frame(e.ID, payload)
	if err == nil {
		err = conn.send(encoded)
	}
	if err != nil {
		d.log.Warn("acknowledgement not sent", "envelope", e.ID, "error", err)
	}
}
