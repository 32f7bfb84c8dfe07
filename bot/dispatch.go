package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/routine"
)

// maxWaiting is how many envelopes of a class may wait for a handler. An envelope beyond that, or
// one that waits longer than AckWithin, is not acknowledged: Slack tells the person, and sends
// events again.
const maxWaiting = 1000

// settling is how long after an acknowledgement Slack shows it. A view that is updated earlier can
// be overwritten by it.
const settling = 500 * time.Millisecond

// dispatcher hands envelopes to handlers: once each, bounded, acknowledged in time.
type dispatcher struct {
	router       *Router
	deduplicator *deduplicator
	memory       *memory
	respond      func(ctx context.Context, responseURL string, response Response) error
	metrics      *metrics
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

func newDispatcher(w *Workspace, router *Router, deduplicator *deduplicator, memory *memory) *dispatcher {
	d := &dispatcher{router: router, deduplicator: deduplicator, memory: memory, respond: w.Respond,
		metrics: w.metrics, log: w.log, cfg: w.cfg}
	for i := range d.running {
		d.running[i] = make(chan struct{}, w.cfg.Concurrency)
	}
	d.handling, d.abandon = context.WithCancel(context.Background())
	return d
}

// result is how the handling of an envelope ended, as metrics show it.
type result string

const (
	handled   result = "handled"
	failed    result = "failed"
	late      result = "late"
	repeated  result = "repeated"
	unhandled result = "unhandled"
	forgotten result = "forgotten"
	dropped   result = "dropped"
)

func (d *dispatcher) count(kind string, r result) {
	d.metrics.envelopes.WithLabelValues(kind, string(r)).Inc()
}

// receive takes an envelope from a connection's reader.
func (d *dispatcher) receive(e envelope, conn *connection) {
	x := &exchange{dispatcher: d, envelope: e, conn: conn, received: time.Now()}
	c, err := d.router.decode(e)
	if err != nil {
		// Every replica fails in the same way, so a repeat would not help.
		d.log.Error("slack sent an envelope that cannot be decoded", "envelope", e.ID, "type", e.Type, "error", err)
		d.count("other", failed)
		x.send(nil)
		return
	}
	if !d.admit(c.class) {
		d.log.Warn("slack envelope dropped", "envelope", e.ID, "subject", c.subject)
		d.count(c.kind, dropped)
		return
	}
	x.call, x.log = c, d.log.With("envelope", e.ID, "subject", c.subject)
	routine.Go(func() {
		defer d.leave(c.class)
		d.count(c.kind, x.handle())
	})
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

// drain takes nothing new and waits for handlers under way. After DrainTimeout it ends their
// contexts.
func (d *dispatcher) drain() {
	d.mu.Lock()
	d.draining = true
	d.mu.Unlock()
	timer := time.AfterFunc(d.cfg.DrainTimeout, d.abandon)
	defer timer.Stop()
	d.idle.Wait()
	d.abandon()
}

// exchange is one envelope and its acknowledgement.
type exchange struct {
	dispatcher *dispatcher
	envelope   envelope
	conn       *connection
	received   time.Time
	call       call
	log        *slog.Logger
	once       sync.Once
}

// handle runs the handler and acknowledges.
func (x *exchange) handle() result {
	d := x.dispatcher
	if x.call.run == nil {
		x.log.Warn("no handler is registered")
		x.ack(nil)
		return unhandled
	}
	ctx, cancel := context.WithTimeout(d.handling, cmp.Or(x.call.timeout, d.cfg.HandlerTimeout))
	defer cancel()
	inTime, cancelInTime := context.WithDeadline(ctx, x.received.Add(d.cfg.AckWithin))
	defer cancelInTime()
	select {
	case d.running[x.call.class] <- struct{}{}:
		defer func() { <-d.running[x.call.class] }()
	case <-inTime.Done():
		x.log.Error("no handler was free in time", "concurrency", d.cfg.Concurrency)
		return dropped
	}
	if x.call.key != "" {
		if r, over := x.begin(inTime); over {
			return r
		}
	}
	stop := context.AfterFunc(inTime, func() { x.ack(x.call.waiting) })
	payload, r := x.run(ctx)
	if !stop() {
		x.log.Warn("handler outlasted its acknowledgement", "took", time.Since(x.received))
		x.ack(x.call.waiting) // has left when this returns
		if x.call.showLate != nil {
			x.showLate(ctx, r == failed)
		}
		if r == handled {
			r = late
		}
	}
	if r != failed || x.call.errorReply != nil || x.call.class != people {
		x.ack(payload)
		return r
	}
	// An acknowledgement cannot say that this failed. Where the bot cannot either, Slack does,
	// since there is none.
	if x.call.responseURL != "" {
		x.ack(payload)
		x.tell(errorText(x.envelope))
	}
	return r
}

// showLate shows what came of a form that was acknowledged before its handler ended.
func (x *exchange) showLate(ctx context.Context, failed bool) {
	time.Sleep(time.Until(x.received.Add(x.dispatcher.cfg.AckWithin + settling)))
	// Even after the end of ctx: the person waits for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.dispatcher.cfg.HandlerTimeout)
	defer cancel()
	x.call.showLate(ctx, failed)
}

// begin claims the envelope. over is true when there is nothing to run, and r says why.
func (x *exchange) begin(ctx context.Context) (r result, over bool) {
	s, stored, err := x.dispatcher.deduplicator.await(ctx, x.call.key)
	switch {
	case err != nil:
		// Slack tells the person, and perhaps delivers it again, here or to another replica.
		x.log.Error("envelope left unacknowledged, since it cannot be remembered", "error", err)
		if x.dispatcher.memory.noteFailure(x.call.key) {
			x.tell(notRemembered)
		}
		return forgotten, true
	case s == busy:
		// Whoever handles it acknowledges it. If that replica died meanwhile, Slack delivers it
		// again.
		x.log.Warn("slack sent an envelope again that is still being handled", "retry", x.envelope.Retry)
		return repeated, true
	case s == done:
		x.log.Info("slack sent an envelope again", "retry", x.envelope.Retry)
		x.ack(stored)
		return repeated, true
	}
	return "", false
}

// notRemembered is what a person reads whose press or command could not be remembered.
const notRemembered = "Your press or command is not recorded yet: the bot's database does not answer. " +
	"If nothing happens within a minute, try again."

// tell shows the person a sentence without the database, where Slack gave an address for that.
func (x *exchange) tell(text string) {
	if x.call.responseURL == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), x.dispatcher.cfg.CallTimeout)
	defer cancel()
	err := x.dispatcher.respond(ctx, x.call.responseURL, Response{Reply: post.Reply{Text: text}})
	if err != nil {
		x.log.Warn("a person was not told that something failed", "error", err)
	}
}

// run runs the handler and records that the envelope is done. It returns the acknowledgement's
// payload.
func (x *exchange) run(ctx context.Context) (payload json.RawMessage, r result) {
	payload, err := x.recovered(ctx)
	if err == nil {
		_, err = frame(x.envelope.ID, payload)
	}
	r = handled
	if err != nil {
		x.log.Error("slack handler failed", "error", err)
		payload, r = x.call.errorReply, failed
	}
	if x.call.key != "" {
		// Even after the end of ctx: what was done must not be done again.
		recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.dispatcher.cfg.CallTimeout)
		defer cancel()
		if err := x.dispatcher.deduplicator.finish(recording, x.call.key, payload); err != nil {
			x.log.Error("envelope may be handled again", "error", err)
		}
	}
	return payload, r
}

// errPanicked means that a handler panicked; the log has the stack.
var errPanicked = errors.New("handler panicked")

// recovered runs the handler and turns a panic into an error.
func (x *exchange) recovered(ctx context.Context) (payload json.RawMessage, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			x.log.Error("slack handler panicked", "panic", cause, "stack", string(debug.Stack()))
			payload, err = nil, fmt.Errorf("%w: %v", errPanicked, cause)
		}
	}()
	return x.call.run(ctx)
}

// ack acknowledges, the first time that it is called.
func (x *exchange) ack(payload json.RawMessage) {
	x.once.Do(func() {
		x.send(payload)
		took := time.Since(x.received).Seconds()
		x.dispatcher.metrics.acks.WithLabelValues(x.call.kind).Observe(took)
	})
}

// send acknowledges on the connection by which the envelope came. When that is gone the
// acknowledgement is lost: Slack delivers again, and the stored one answers.
func (x *exchange) send(payload json.RawMessage) {
	encoded, err := frame(x.envelope.ID, payload)
	if err == nil {
		err = x.conn.send(encoded)
	}
	if err != nil {
		x.dispatcher.log.Warn("acknowledgement not sent", "envelope", x.envelope.ID, "error", err)
	}
}
