package workspace

import (
	"context"
	"time"
)

// Event is one line of the workspace's transcript.
type Event struct {
	// Seq counts from 1.
	Seq int `json:"seq"`
	// At is when it happened.
	At time.Time `json:"at"`
	// Kind is api, envelope, ack, socket, response_url, person or trouble. A trouble is something
	// that the app did and that Slack does not tell it about, such as an invalid view in an
	// acknowledgement; a good app causes none.
	Kind string `json:"kind"`
	// Name is the Web API method, the envelope's type, what happened to a socket, or what a
	// person did.
	Name string `json:"name"`
	// Detail says more: the interaction's type, the command, a reason.
	Detail string `json:"detail,omitempty"`
	// Error is Slack's error, or what the person saw; empty when all went well.
	Error string `json:"error,omitempty"`
	// Envelope is the envelope_id.
	Envelope string `json:"envelope,omitempty"`
	// Channel, TS and User say what it concerned.
	Channel string `json:"channel,omitempty"`
	TS      string `json:"ts,omitempty"`
	User    string `json:"user,omitempty"`
	// Latency is how long the call took here, or how long the app took to acknowledge.
	Latency time.Duration `json:"latency,omitempty"`
	// Attempt is the retry_attempt of an envelope.
	Attempt int `json:"attempt,omitempty"`
}

// The kinds of Event.
const (
	KindAPI         = "api"
	KindEnvelope    = "envelope"
	KindAck         = "ack"
	KindSocket      = "socket"
	KindResponseURL = "response_url"
	KindPerson      = "person"
	KindTrouble     = "trouble"
)

// record adds to the transcript. The caller holds mu.
func (w *Workspace) record(e Event) {
	e.Seq, e.At = len(w.events)+1, time.Now()
	w.events = append(w.events, e)
	w.touch()
}

// Transcript returns the events after the one with the given number; 0 asks for all.
func (w *Workspace) Transcript(_ context.Context, after int) ([]Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if after < 0 || after > len(w.events) {
		after = len(w.events)
	}
	return append([]Event(nil), w.events[after:]...), nil
}
