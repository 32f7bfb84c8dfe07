package workspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSockets = 10
	// maxFrame is the size of a text frame that Slack takes; above it closes with 1009 and
	// delivers the envelope again.
	maxFrame = 20480
	// ticketLife is how long an unused ticket of apps.connections.open is good for.
	ticketLife   = 30 * time.Second
	debugRefresh = 6 * time.Minute
)

type ticket struct{ issued time.Time }

// socket is one Socket Mode connection.
type socket struct {
	w       *Workspace
	conn    *websocket.Conn
	number  int
	writing sync.Mutex
	// leaving says that Slack asked the app to reconnect: no new envelopes go out. The
	// workspace's mu guards it.
	leaving bool
	done    chan struct{}
}

// openConnection is apps.connections.open: a WebSocket address whose ticket works once.
func openConnection(c *call) (reply, error) {
	w := c.w
	t := strings.ToLower(w.id("") + w.id(""))
	w.socketMode.tickets[t] = ticket{time.Now()}
	query := url.Values{"ticket": {t}, "app_id": {w.cfg.App.ID}}
	return reply{"url": "ws" + strings.TrimPrefix(c.base, "http") + "/link/?" + query.Encode()}, nil
}

// upgrader writes frames whole, since real Slack clients never see fragments either.
var upgrader = websocket.Upgrader{WriteBufferSize: 1 << 20, CheckOrigin: func(*http.Request) bool { return true }}

func (sm *socketMode) serveSocket(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	sm.w.mu.Lock()
	t, ok := sm.tickets[q.Get("ticket")]
	delete(sm.tickets, q.Get("ticket"))
	if !ok || time.Since(t.issued) > ticketLife || q.Get("app_id") != sm.w.cfg.App.ID {
		sm.w.record(Event{Kind: KindSocket, Name: "refused", Error: "invalid ticket"})
		sm.w.mu.Unlock()
		http.Error(rw, "invalid ticket", http.StatusUnauthorized)
		return
	}
	sm.w.mu.Unlock()
	conn, err := upgrader.Upgrade(rw, r, nil)
	if err != nil {
		return // Upgrade has answered.
	}
	s := &socket{w: sm.w, conn: conn, done: make(chan struct{})}
	refresh := sm.w.cfg.Timing.Refresh
	if q.Get("debug_reconnects") == "true" {
		refresh = debugRefresh
	}
	sm.w.mu.Lock()
	tooMany := len(sm.sockets) >= maxSockets
	n := len(sm.sockets) + 1
	sm.w.mu.Unlock()
	if tooMany {
		s.announceClose(ReasonTooMany)
		s.drop()
		return
	}
	// The socket takes part once the app can read the hello, and no envelope goes out before it.
	s.writing.Lock()
	waiting := sm.join(s)
	err = conn.WriteJSON(
		reply{"type": "hello", "num_connections": n, "connection_info": reply{"app_id": sm.w.cfg.App.ID},
			"debug_info": reply{
				"host":                        "applink-1",
				"started":                     time.Now().UTC().Format("2006-01-02 15:04:05.000"),
				"build_number":                1,
				"approximate_connection_time": int(refresh.Seconds()),
			}},
	)
	s.writing.Unlock()
	if err != nil {
		s.drop() // The reader then ends.
	}
	for _, d := range waiting {
		sm.redeliver(d)
	}
	go s.keep(refresh)
	s.read()
	sm.leave(s)
}

// join takes a socket into the round, and returns what waited for one.
func (sm *socketMode) join(s *socket) []*delivery {
	sm.w.mu.Lock()
	sm.turn++
	s.number = sm.turn
	sm.sockets = append(sm.sockets, s)
	sm.w.record(
		Event{Kind: KindSocket, Name: "open", Detail: fmt.Sprintf("socket %d, %d open", s.number, len(sm.sockets))},
	)
	waiting := sm.stranded
	sm.stranded = nil
	sm.w.mu.Unlock()
	return waiting
}

// leave takes a closed socket out; envelopes that it never acknowledged go out again on another
// one.
func (sm *socketMode) leave(s *socket) {
	close(s.done)
	s.drop()
	sm.w.mu.Lock()
	sm.sockets = slices.DeleteFunc(sm.sockets, func(x *socket) bool { return x == s })
	sm.w.record(
		Event{Kind: KindSocket, Name: "close", Detail: fmt.Sprintf("socket %d, %d open", s.number, len(sm.sockets))},
	)
	var again []*delivery
	for _, d := range sm.deliveries {
		if d.on[s] && !d.acked {
			delete(d.on, s)
			if len(d.on) == 0 {
				again = append(again, d)
			}
		}
	}
	slices.SortFunc(again, func(a, b *delivery) int { return a.first.Compare(b.first) })
	sm.w.mu.Unlock()
	if sm.w.ctx.Err() != nil {
		return
	}
	for _, d := range again {
		sm.redeliver(d)
	}
}

// keep pings, and refreshes the connection when its time is over.
func (s *socket) keep(refresh time.Duration) {
	timing := s.w.cfg.Timing
	ping := time.NewTicker(timing.Ping)
	defer ping.Stop()
	warn := time.NewTimer(max(refresh-timing.Warning, 0))
	defer warn.Stop()
	over := time.NewTimer(refresh)
	defer over.Stop()
	// The first ping comes at once: clients measure from the last one.
	s.ping()
	for {
		select {
		case <-s.done:
			return
		case <-s.w.ctx.Done():
			s.drop()
			return
		case <-ping.C:
			s.ping()
		case <-warn.C:
			if refresh > timing.Warning {
				s.announceClose(ReasonWarning)
			}
		case <-over.C:
			s.askToReconnect(ReasonRefresh)
		}
	}
}

func (s *socket) ping() {
	// A failed ping shows up as a failed read; nothing more to do here.
	_ = s.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-1"), time.Now().Add(5*time.Second))
}

// announceClose tells the app why its connection is about to end.
func (s *socket) announceClose(reason string) {
	_ = s.write(reply{"type": "disconnect", "reason": reason, "debug_info": reply{"host": "applink-1"}})
	s.w.mu.Lock()
	s.w.record(Event{Kind: KindSocket, Name: "disconnect", Detail: reason})
	s.w.mu.Unlock()
}

// askToReconnect sends a disconnect message. After a warning the connection goes on; otherwise it
// takes no more envelopes, and ends after the time for acknowledgements under way.
func (s *socket) askToReconnect(reason string) {
	if reason != ReasonWarning {
		s.w.mu.Lock()
		s.leaving = true
		s.w.mu.Unlock()
		s.w.later(s.w.cfg.Timing.Linger, s.drop)
	}
	s.announceClose(reason)
}

func (s *socket) drop() { _ = s.conn.Close() } // Closing twice is harmless.

func (s *socket) write(v any) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	return s.conn.WriteJSON(v)
}

// read takes acknowledgements until the connection ends.
func (s *socket) read() {
	for {
		kind, r, err := s.conn.NextReader()
		if err != nil {
			return
		}
		raw, err := io.ReadAll(io.LimitReader(r, maxFrame+1))
		if err != nil {
			return
		}
		if len(raw) > maxFrame {
			s.w.trouble("socket", "frame above 20480 bytes", "")
			message := websocket.FormatCloseMessage(
				websocket.CloseMessageTooBig,
				"Max frame length of 20480 has been exceeded.",
			)
			_ = s.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
			return
		}
		if kind != websocket.TextMessage {
			continue
		}
		var ack struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(raw, &ack); err != nil || ack.EnvelopeID == "" {
			s.w.trouble("ack", "not an acknowledgement: "+fmt.Sprint(errors.Join(err)), "")
			continue
		}
		s.w.socketMode.acknowledge(s, ack.EnvelopeID, ack.Payload)
	}
}

func (sm *socketMode) openSockets() []*socket {
	sm.w.mu.Lock()
	defer sm.w.mu.Unlock()
	return slices.Clone(sm.sockets)
}

// trouble records something that Slack does not tell the app.
func (w *Workspace) trouble(name, detail, user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record(Event{Kind: KindTrouble, Name: name, Detail: detail, User: user})
}
