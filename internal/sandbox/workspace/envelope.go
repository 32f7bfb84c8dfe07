package workspace

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The types of envelope.
const (
	EnvelopeEvents      = "events_api"
	EnvelopeCommands    = "slash_commands"
	EnvelopeInteractive = "interactive"
)

// What a person sees when the app does not answer.
const (
	ErrTimeout  = "operation_timeout" // not acknowledged in time
	ErrDispatch = "dispatch_failed"   // no connection is open
)

// delivery is one envelope until it is acknowledged or given up.
type delivery struct {
	id, kind, what string
	payload        any
	attempt        int
	reason         string
	first, sent    time.Time
	// on are the sockets that an acknowledgement may come back on.
	on    map[*socket]bool
	acked bool
	late  bool
	// answer takes the acknowledgement's payload.
	answer chan json.RawMessage
}

func newDelivery(kind, what string, payload any) *delivery {
	return &delivery{id: uuid.NewString(), kind: kind, what: what, payload: payload, first: time.Now(), on: map[*socket]bool{},
		answer: make(chan json.RawMessage, 1)}
}

func (d *delivery) envelope() reply {
	e := reply{"envelope_id": d.id, "type": d.kind, "payload": d.payload, "accepts_response_payload": d.kind != EnvelopeEvents}
	if d.kind == EnvelopeEvents || d.attempt > 0 {
		e["retry_attempt"], e["retry_reason"] = d.attempt, d.reason
	}
	return e
}

// send puts an envelope on the next socket in turn, and says whether one took it.
func (w *Workspace) send(d *delivery) bool {
	for {
		w.mu.Lock()
		var s *socket
		for range w.sockets {
			w.turn++
			if x := w.sockets[w.turn%len(w.sockets)]; !x.leaving && !d.on[x] {
				s = x
				break
			}
		}
		if s == nil {
			for _, x := range w.sockets { // A copy may have to go where the first one went.
				if !x.leaving {
					s = x
				}
			}
		}
		if s == nil {
			w.mu.Unlock()
			return false
		}
		d.on[s] = true
		d.sent = time.Now()
		w.deliveries[d.id] = d
		message := d.envelope()
		w.record(Event{Kind: KindEnvelope, Name: d.kind, Detail: d.what, Envelope: d.id, Attempt: d.attempt})
		w.mu.Unlock()
		if s.write(message) == nil {
			return true
		}
		w.mu.Lock()
		delete(d.on, s)
		s.leaving = true
		w.mu.Unlock()
		s.drop()
	}
}

// keep is how long an unacknowledged envelope may still come again: no longer than the last retry
// of an event.
const keep = 6 * time.Minute

// redeliver sends an envelope again, now or when a socket opens.
func (w *Workspace) redeliver(d *delivery) {
	old := time.Since(d.first) > keep
	if !old && w.send(d) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if old {
		delete(w.deliveries, d.id)
	} else {
		w.stranded = append(w.stranded, d)
	}
}

// acknowledge takes an acknowledgement from a socket.
func (w *Workspace) acknowledge(s *socket, id string, payload json.RawMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.deliveries[id]
	e := Event{Kind: KindAck, Envelope: id}
	switch {
	case d == nil:
		e.Error = "unknown_envelope"
	case d.acked:
		e.Name, e.Detail, e.Error = d.kind, d.what, "acknowledged_before"
	case !d.on[s] && !w.cfg.AcceptAckAnywhere:
		e.Name, e.Detail, e.Error = d.kind, d.what, "other_connection"
	default:
		e.Name, e.Detail, e.Latency, e.Attempt = d.kind, d.what, time.Since(d.sent), d.attempt
		d.acked = true
		if d.late {
			e.Error = "late"
		}
		d.answer <- payload
		// Kept for a while, so that a second acknowledgement is told from a stray one.
		w.later(time.Minute, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.deliveries, id)
		})
	}
	w.record(e)
}

// ask delivers a command or interaction and waits for the acknowledgement. The string is what the
// person sees otherwise.
func (w *Workspace) ask(kind, what string, payload any) (json.RawMessage, string) {
	d := newDelivery(kind, what, payload)
	fault := w.takeFault(func(f *Fault) bool {
		return (f.Kind == FaultDuplicate || f.Kind == FaultRedeliver) && (f.Envelope == "" || f.Envelope == kind)
	})
	if !w.send(d) {
		return nil, ErrDispatch
	}
	if fault != nil && fault.Kind == FaultDuplicate {
		w.send(d)
	}
	deadline := time.NewTimer(w.cfg.Timing.Ack)
	defer deadline.Stop()
	select {
	case answer := <-d.answer:
		if fault != nil && fault.Kind == FaultRedeliver {
			w.copyOf(d)
		}
		return answer, ""
	case <-w.ctx.Done():
		return nil, ErrDispatch
	case <-deadline.C:
	}
	w.mu.Lock()
	d.late = true
	w.record(Event{Kind: KindEnvelope, Name: kind, Detail: what, Envelope: d.id, Error: ErrTimeout})
	w.mu.Unlock()
	if w.cfg.Timing.Redeliver >= 0 {
		// Slack's pages promise no retry of commands and interactions, but they are seen to come
		// again.
		w.later(w.cfg.Timing.Redeliver, func() {
			w.mu.Lock()
			acked := d.acked
			d.attempt, d.reason = 1, "timeout"
			w.mu.Unlock()
			if !acked {
				w.redeliver(d)
			}
		})
	}
	return nil, ErrTimeout
}

// copyOf delivers an acknowledged envelope once more, as Slack is seen to do.
func (w *Workspace) copyOf(d *delivery) {
	again := newDelivery(d.kind, d.what, d.payload)
	again.id, again.attempt, again.reason = d.id, 1, "timeout"
	w.send(again)
}

// emit delivers an event of the Events API, and retries it until it is acknowledged. The caller
// holds mu.
func (w *Workspace) emit(event reply) {
	what := word(event["type"])
	name := what
	if what == "message" {
		name = messageEvents[word(event["channel_type"])]
	}
	if !slices.Contains(w.cfg.App.Events, name) {
		return
	}
	payload := reply{"type": "event_callback", "event_id": w.id("Ev"), "event_time": time.Now().Unix(), "team_id": w.cfg.Team.ID, "api_app_id": w.cfg.App.ID,
		"token": "deprecated", "event": event, "is_ext_shared_channel": false,
		"authorizations": []reply{{"team_id": w.cfg.Team.ID, "user_id": w.cfg.App.BotUserID, "is_bot": true, "is_enterprise_install": false}}}
	go w.pursue(what, payload)
}

// messageEvents names the subscription for messages by channel_type.
var messageEvents = map[string]string{"channel": "message.channels", "group": "message.groups", "im": "message.im"}

func (w *Workspace) pursue(what string, payload reply) {
	reason := ""
	fault := w.takeFault(func(f *Fault) bool {
		return (f.Kind == FaultDuplicate || f.Kind == FaultRedeliver) && f.Envelope == EnvelopeEvents
	})
	for attempt := range len(w.cfg.Timing.Retries) + 1 {
		if attempt > 0 {
			wait := time.NewTimer(w.cfg.Timing.Retries[attempt-1])
			select {
			case <-wait.C:
			case <-w.ctx.Done():
				wait.Stop()
				return
			}
		}
		d := newDelivery(EnvelopeEvents, what, payload)
		d.attempt, d.reason = attempt, reason
		reason = "timeout"
		if !w.send(d) {
			continue
		}
		if fault != nil && fault.Kind == FaultDuplicate {
			w.send(d)
		}
		deadline := time.NewTimer(w.cfg.Timing.Ack)
		select {
		case <-d.answer:
			deadline.Stop()
			if fault != nil && fault.Kind == FaultRedeliver {
				w.copyOf(d)
			}
			return
		case <-w.ctx.Done():
			deadline.Stop()
			return
		case <-deadline.C:
			w.mu.Lock()
			d.late = true
			d.acked = true // Its place is taken by the next attempt; it is not delivered again by itself.
			w.record(Event{Kind: KindEnvelope, Name: d.kind, Detail: what, Envelope: d.id, Error: ErrTimeout, Attempt: attempt})
			w.mu.Unlock()
		}
	}
}
