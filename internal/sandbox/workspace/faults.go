package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// FaultKind says what goes wrong.
type FaultKind string

// The faults that a test can order.
const (
	// FaultError answers Error without doing anything.
	FaultError FaultKind = "error"
	// FaultStatus answers with HTTP Status without doing anything.
	FaultStatus FaultKind = "status"
	// FaultRateLimit answers 429 with RetryAfter; without RetryAfter the header is missing, as a
	// proxy would send it.
	FaultRateLimit FaultKind = "ratelimit"
	// FaultCut does what was asked, and then cuts the connection without an answer.
	FaultCut FaultKind = "cut"
	// FaultHang does what was asked, and then answers nothing for Delay or until the app gives
	// up.
	FaultHang FaultKind = "hang"
	// FaultLate does what was asked after Delay, however long the app waits for the answer.
	FaultLate FaultKind = "late"
	// FaultDuplicate delivers the next envelope twice with the same envelope_id.
	FaultDuplicate FaultKind = "duplicate"
	// FaultRedeliver delivers the next envelope once more after it was acknowledged, with
	// retry_attempt 1.
	FaultRedeliver FaultKind = "redeliver"
	// FaultLoseAck loses the acknowledgement of the next envelope, which is then delivered again.
	FaultLoseAck FaultKind = "lose_ack"
	// FaultDrop drops all sockets at once, without a disconnect message.
	FaultDrop FaultKind = "drop"
	// FaultDisconnect sends a disconnect message with Reason on all sockets, or on one with Times
	// 1, at once.
	FaultDisconnect FaultKind = "disconnect"
	// FaultUnsupported makes the workspace refuse the block type in Reason from now on; Times -1
	// takes that back.
	FaultUnsupported FaultKind = "unsupported"
)

// The reasons of a disconnect message.
const (
	ReasonWarning  = "warning"
	ReasonRefresh  = "refresh_requested"
	ReasonTooMany  = "too_many_websockets"
	ReasonDisabled = "link_disabled"
)

// Fault is one thing that a test orders to go wrong.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Method is the Web API method concerned; Envelope is the envelope type (events_api,
	// slash_commands, interactive), any when empty.
	Method   string `json:"method,omitempty"`
	Envelope string `json:"envelope,omitempty"`
	// Times is how often it happens; 0 counts as 1.
	Times      int           `json:"times,omitempty"`
	Error      string        `json:"error,omitempty"`
	Status     int           `json:"status,omitempty"`
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	Delay      time.Duration `json:"delay,omitempty"`
	Reason     string        `json:"reason,omitempty"`
}

// Order makes something go wrong, now or when its occasion comes.
func (w *Workspace) Order(_ context.Context, f Fault) error {
	switch f.Kind {
	case FaultError, FaultStatus, FaultRateLimit, FaultCut, FaultHang, FaultLate:
		if _, ok := methods[f.Method]; !ok {
			return fmt.Errorf("fault %s: unknown method %q", f.Kind, f.Method)
		}
		if f.Kind == FaultError && f.Error == "" || f.Kind == FaultStatus && f.Status < 300 {
			return fmt.Errorf("fault %s: needs an error or a status", f.Kind)
		}
	case FaultDuplicate, FaultRedeliver, FaultLoseAck:
	case FaultDrop:
		for _, s := range w.socketMode.openSockets() {
			s.drop()
		}
		return nil
	case FaultDisconnect:
		return w.socketMode.disconnect(f.Reason, f.Times)
	case FaultUnsupported:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.cfg.UnsupportedBlocks = slices.DeleteFunc(
			slices.Clone(w.cfg.UnsupportedBlocks),
			func(s string) bool { return s == f.Reason },
		)
		if f.Times >= 0 {
			w.cfg.UnsupportedBlocks = append(w.cfg.UnsupportedBlocks, f.Reason)
		}
		return nil
	default:
		return fmt.Errorf("unknown fault %q", f.Kind)
	}
	f.Times = max(f.Times, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, &f)
	return nil
}

// Pending returns how often an ordered kind of fault is still to happen.
func (w *Workspace) Pending(kind FaultKind) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := 0
	for _, f := range w.faults {
		if f.Kind == kind {
			left += f.Times
		}
	}
	return left
}

func (sm *socketMode) disconnect(reason string, times int) error {
	if !slices.Contains([]string{ReasonWarning, ReasonRefresh, ReasonTooMany, ReasonDisabled}, reason) {
		return fmt.Errorf("fault disconnect: unknown reason %q", reason)
	}
	open := sm.openSockets()
	if len(open) == 0 {
		return errors.New("fault disconnect: no socket is open")
	}
	if times > 0 && times < len(open) {
		open = open[:times]
	}
	for _, s := range open {
		s.askToReconnect(reason)
	}
	return nil
}

// takeFault finds the first ordered fault that matches, and counts it.
func (w *Workspace) takeFault(matches func(*Fault) bool) *Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, f := range w.faults {
		if matches(f) {
			if f.Times--; f.Times <= 0 {
				w.faults = slices.Delete(w.faults, i, i+1)
			}
			taken := *f
			return &taken
		}
	}
	return nil
}

// lost reports whether the call takes effect and its answer is lost.
func (f *Fault) lost() bool { return f.Kind == FaultCut || f.Kind == FaultHang }

// ForgetFaults takes back the faults whose occasion has not come.
func (w *Workspace) ForgetFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

// wait holds a call back with what was sent, also when the app gives it up.
func (f *Fault) wait(c *call) {
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return
	}
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	select {
	case <-time.After(f.Delay):
	case <-c.w.ctx.Done():
	}
}

// lose ends the request without an answer.
func (f *Fault) lose(r *http.Request) {
	if f.Kind == FaultHang {
		wait := f.Delay
		if wait <= 0 {
			wait = time.Minute
		}
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
	}
	panic(http.ErrAbortHandler)
}
