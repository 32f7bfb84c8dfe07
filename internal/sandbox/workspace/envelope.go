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

// socketMode delivers envelopes over the sockets that the app opens.
type socketMode struct {
	w *Workspace
	// tickets are those of apps.connections.open that were not used yet.
	tickets map[string]ticket
	sockets []*socket
	// turn counts envelopes, so sockets take turns.
	turn       int
	deliveries map[string]*delivery
	// stranded wait for a socket to open.
	stranded []*delivery
}

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
	// deaf loses the next acknowledgement.
	deaf bool
	// answer takes the acknowledgement's payload.
	answer chan json.RawMessage
}

func newDelivery(kind, what string, payload any) *delivery {
	return &delivery{
		id:      uuid.NewString(),
		kind:    kind,
		what:    what,
		payload: payload,
		first:   time.Now(),
		on:      map[*socket]bool{},
		answer:  make(chan json.RawMessage, 1),
	}
}

func (d *delivery) envelope() reply {
	e := reply{
		"envelope_id":              d.id,
		"type":                     d.kind,
		"payload":                  d.payload,
		"accepts_response_payload": d.kind != EnvelopeEvents,
	}
	if d.kind == EnvelopeEvents || d.attempt > 0 {
		e["retry_attempt"], e["retry_reason"] = d.attempt, d.reason
	}
	return e
}

// send writes an envelope to the next socket in turn, and reports whether one took it.
func (sm *socketMode) send(d *delivery) bool {
	for {
		sm.w.mu.Lock()
		var s *socket
		for range sm.sockets {
			sm.turn++
			if x := sm.sockets[sm.turn%len(sm.sockets)]; !x.leaving && !d.on[x] {
				s = x
				break
			}
		}
		if s == nil {
			for _, x := range sm.sockets { // A copy may have to go where the first one went.
				if !x.leaving {
					s = x
				}
			}
		}
		if s == nil {
			sm.w.mu.Unlock()
			return false
		}
		d.on[s] = true
		d.sent = time.Now()
		sm.deliveries[d.id] = d
		message := d.envelope()
		sm.w.record(Event{Kind: KindEnvelope, Name: d.kind, Detail: d.what, Envelope: d.id, Attempt: d.attempt})
		sm.w.mu.Unlock()
		if s.write(message) == nil {
			return true
		}
		sm.w.mu.Lock()
		delete(d.on, s)
		s.leaving = true
		sm.w.mu.Unlock()
		s.drop()
	}
}

// keep is how long an unacknowledged envelope may be delivered again: until the last retry of an
// event.
const keep = 6 * time.Minute

// redeliver sends an envelope again, now or when a socket opens.
func (sm *socketMode) redeliver(d *delivery) {
	old := time.Since(d.first) > keep
	if !old && sm.send(d) {
		return
	}
	sm.w.mu.Lock()
	defer sm.w.mu.Unlock()
	if old {
		delete(sm.deliveries, d.id)
	} else {
		sm.stranded = append(sm.stranded, d)
	}
}

// acknowledge takes an acknowledgement from a socket.
func (sm *socketMode) acknowledge(s *socket, id string, payload json.RawMessage) {
	sm.w.mu.Lock()
	defer sm.w.mu.Unlock()
	d := sm.deliveries[id]
	e := Event{Kind: KindAck, Envelope: id}
	switch {
	case d == nil:
		e.Error = "unknown_envelope"
	case d.deaf:
		d.deaf = false
		e.Name, e.Detail, e.Error = d.kind, d.what, "lost"
	case d.acked:
		e.Name, e.Detail, e.Error = d.kind, d.what, "acknowledged_before"
	case !d.on[s] && !sm.w.cfg.AcceptAckAnywhere:
		e.Name, e.Detail, e.Error = d.kind, d.what, "other_connection"
	default:
		e.Name, e.Detail, e.Latency, e.Attempt = d.kind, d.what, time.Since(d.sent), d.attempt
		d.acked = true
		if d.late {
			e.Error = "late"
		}
		d.answer <- payload
		// It is kept for a minute to tell a second acknowledgement from one of an unknown
		// envelope.
		sm.w.later(time.Minute, func() {
			sm.w.mu.Lock()
			defer sm.w.mu.Unlock()
			delete(sm.deliveries, id)
		})
	}
	sm.w.record(e)
}

// deliver delivers a command or interaction and waits for the acknowledgement. The string is what
// the person sees otherwise.
func (sm *socketMode) deliver(kind, what string, payload any) (json.RawMessage, string) {
	d := newDelivery(kind, what, payload)
	fault := sm.w.takeFault(func(f *Fault) bool {
		return slices.Contains([]FaultKind{FaultDuplicate, FaultRedeliver, FaultLoseAck}, f.Kind) &&
			(f.Envelope == "" || f.Envelope == kind)
	})
	d.deaf = fault != nil && fault.Kind == FaultLoseAck
	if !sm.send(d) {
		return nil, ErrDispatch
	}
	if fault != nil && fault.Kind == FaultDuplicate {
		sm.send(d)
	}
	deadline := time.NewTimer(sm.w.cfg.Timing.Ack)
	defer deadline.Stop()
	select {
	case answer := <-d.answer:
		if fault != nil && fault.Kind == FaultRedeliver {
			sm.deliverCopy(d)
		}
		return answer, ""
	case <-sm.w.ctx.Done():
		return nil, ErrDispatch
	case <-deadline.C:
	}
	sm.w.mu.Lock()
	d.late = true
	sm.w.record(Event{Kind: KindEnvelope, Name: kind, Detail: what, Envelope: d.id, Error: ErrTimeout})
	sm.w.mu.Unlock()
	if sm.w.cfg.Timing.Redeliver >= 0 {
		// Slack's pages promise no retry of commands and interactions, but they are seen to come
		// again.
		sm.w.later(sm.w.cfg.Timing.Redeliver, func() {
			sm.w.mu.Lock()
			acked := d.acked
			d.attempt, d.reason = 1, "timeout"
			sm.w.mu.Unlock()
			if !acked {
				sm.redeliver(d)
			}
		})
	}
	return nil, ErrTimeout
}

// deliverCopy delivers an acknowledged envelope once more, as Slack is seen to do.
func (sm *socketMode) deliverCopy(d *delivery) {
	again := newDelivery(d.kind, d.what, d.payload)
	again.id, again.attempt, again.reason = d.id, 1, "timeout"
	sm.send(again)
}

// emitEvent delivers an event of the Events API, and retries it until it is acknowledged. The
// caller holds mu.
func (sm *socketMode) emitEvent(event reply) {
	what := word(event["type"])
	name := what
	if what == "message" {
		name = messageEvents[word(event["channel_type"])]
	}
	if !slices.Contains(sm.w.cfg.App.Events, name) {
		return
	}
	payload := reply{
		"type":                  "event_callback",
		"event_id":              sm.w.id("Ev"),
		"event_time":            time.Now().Unix(),
		"team_id":               sm.w.cfg.Team.ID,
		"api_app_id":            sm.w.cfg.App.ID,
		"token":                 "deprecated",
		"event":                 event,
		"is_ext_shared_channel": false,
		"authorizations": []reply{
			{
				"team_id":               sm.w.cfg.Team.ID,
				"user_id":               sm.w.cfg.App.BotUserID,
				"is_bot":                true,
				"is_enterprise_install": false,
			},
		},
	}
	go sm.deliverEvent(what, payload)
}

// messageEvents names the subscription for messages by channel_type.
var messageEvents = map[string]string{"channel": "message.channels", "group": "message.groups", "im": "message.im"}

func (sm *socketMode) deliverEvent(what string, payload reply) {
	reason := ""
	fault := sm.w.takeFault(func(f *Fault) bool {
		return (f.Kind == FaultDuplicate || f.Kind == FaultRedeliver) && f.Envelope == EnvelopeEvents
	})
	for attempt := range len(sm.w.cfg.Timing.Retries) + 1 {
		if attempt > 0 {
			wait := time.NewTimer(sm.w.cfg.Timing.Retries[attempt-1])
			select {
			case <-wait.C:
			case <-sm.w.ctx.Done():
				wait.Stop()
				return
			}
		}
		d := newDelivery(EnvelopeEvents, what, payload)
		d.attempt, d.reason = attempt, reason
		reason = "timeout"
		if !sm.send(d) {
			continue
		}
		if fault != nil && fault.Kind == FaultDuplicate {
			sm.send(d)
		}
		deadline := time.NewTimer(sm.w.cfg.Timing.Ack)
		select {
		case <-d.answer:
			deadline.Stop()
			if fault != nil && fault.Kind == FaultRedeliver {
				sm.deliverCopy(d)
			}
			return
		case <-sm.w.ctx.Done():
			deadline.Stop()
			return
		case <-deadline.C:
			sm.w.mu.Lock()
			d.late = true
			d.acked = true // Its place is taken by the next attempt; it is not delivered again by itself.
			sm.w.record(Event{
				Kind:     KindEnvelope,
				Name:     d.kind,
				Detail:   what,
				Envelope: d.id,
				Error:    ErrTimeout,
				Attempt:  attempt,
			})
			sm.w.mu.Unlock()
		}
	}
}
