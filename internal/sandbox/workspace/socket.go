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
	// leaving says that Slack asked the app to reconnect: no new envelopes go out. The workspace's
	// mu guards it.
	leaving bool
	done    chan struct{}
}

// openConnection is apps.connections.open: a WebSocket address whose ticket works once.
func openConnection(c *call) (reply, error) {
	w := c.w
	t := strings.ToLower(w.id("") + w.id(""))
	w.tickets[t] = ticket{time.Now()}
	link := "ws" + strings.TrimPrefix(c.base, "http") + "/link/?ticket=" + t + "&app_id=" + url.QueryEscape(w.cfg.App.ID)
	return reply{"url": link}, nil
}

// upgrader writes frames whole, since real Slack clients never see fragments either.
var upgrader = websocket.Upgrader{WriteBufferSize: 1 << 20, CheckOrigin: func(*http.Request) bool { return true }}

func (w *Workspace) serveSocket(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	w.mu.Lock()
	t, ok := w.tickets[q.Get("ticket")]
	delete(w.tickets, q.Get("ticket"))
	if !ok || time.Since(t.issued) > ticketLife || q.Get("app_id") != w.cfg.App.ID {
		w.record(Event{Kind: KindSocket, Name: "refused", Error: "invalid ticket"})
		w.mu.Unlock()
		http.Error(rw, "invalid ticket", http.StatusUnauthorized)
		return
	}
	w.mu.Unlock()
	conn, err := upgrader.Upgrade(rw, r, nil)
	if err != nil {
		return // Upgrade has answered.
	}
	s := &socket{w: w, conn: conn, done: make(chan struct{})}
	refresh := w.cfg.Timing.Refresh
	if q.Get("debug_reconnects") == "true" {
		refresh = debugRefresh
	}
	w.mu.Lock()
	tooMany := len(w.sockets) >= maxSockets
	n := len(w.sockets) + 1
	w.mu.Unlock()
	if tooMany {
		s.farewell(ReasonTooMany)
		s.drop()
		return
	}
	// Whoever has read the hello can be sent envelopes, and none goes out before it.
	s.writing.Lock()
	waiting := w.join(s)
	err = conn.WriteJSON(reply{"type": "hello", "num_connections": n, "connection_info": reply{"app_id": w.cfg.App.ID},
		"debug_info": reply{"host": "applink-1", "started": time.Now().UTC().Format("2006-01-02 15:04:05.000"), "build_number": 1,
			"approximate_connection_time": int(refresh.Seconds())}})
	s.writing.Unlock()
	if err != nil {
		s.drop() // The reader finds out.
	}
	for _, d := range waiting {
		w.redeliver(d)
	}
	go s.keep(refresh)
	s.read()
	w.leave(s)
}

// join takes a socket into the round, and returns what waited for one.
func (w *Workspace) join(s *socket) []*delivery {
	w.mu.Lock()
	w.turn++
	s.number = w.turn
	w.sockets = append(w.sockets, s)
	w.record(Event{Kind: KindSocket, Name: "open", Detail: fmt.Sprintf("socket %d, %d open", s.number, len(w.sockets))})
	waiting := w.stranded
	w.stranded = nil
	w.mu.Unlock()
	return waiting
}

// leave takes a closed socket out; envelopes that it never acknowledged go out again on another
// one.
func (w *Workspace) leave(s *socket) {
	close(s.done)
	s.drop()
	w.mu.Lock()
	w.sockets = slices.DeleteFunc(w.sockets, func(x *socket) bool { return x == s })
	w.record(Event{Kind: KindSocket, Name: "close", Detail: fmt.Sprintf("socket %d, %d open", s.number, len(w.sockets))})
	var again []*delivery
	for _, d := range w.deliveries {
		if d.on[s] && !d.acked {
			delete(d.on, s)
			if len(d.on) == 0 {
				again = append(again, d)
			}
		}
	}
	slices.SortFunc(again, func(a, b *delivery) int { return a.first.Compare(b.first) })
	w.mu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	for _, d := range again {
		w.redeliver(d)
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
				s.farewell(ReasonWarning)
			}
		case <-over.C:
			s.goodbye(ReasonRefresh)
		}
	}
}

func (s *socket) ping() {
	// A failed ping shows up as a failed read; nothing more to do here.
	_ = s.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-1"), time.Now().Add(5*time.Second))
}

// farewell tells the app why its connection is about to end.
func (s *socket) farewell(reason string) {
	_ = s.write(reply{"type": "disconnect", "reason": reason, "debug_info": reply{"host": "applink-1"}})
	s.w.mu.Lock()
	s.w.record(Event{Kind: KindSocket, Name: "disconnect", Detail: reason})
	s.w.mu.Unlock()
}

// goodbye sends a disconnect message. After a warning the connection goes on; otherwise it takes
// no more envelopes, and ends after the time for acknowledgements under way.
func (s *socket) goodbye(reason string) {
	if reason != ReasonWarning {
		s.w.mu.Lock()
		s.leaving = true
		s.w.mu.Unlock()
		s.w.later(s.w.cfg.Timing.Linger, s.drop)
	}
	s.farewell(reason)
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
			message := websocket.FormatCloseMessage(websocket.CloseMessageTooBig, "Max frame length of 20480 has been exceeded.")
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
		s.w.acknowledge(s, ack.EnvelopeID, ack.Payload)
	}
}

func (w *Workspace) openSockets() []*socket {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sockets)
}

// trouble records something that Slack does not tell the app.
func (w *Workspace) trouble(name, detail, user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record(Event{Kind: KindTrouble, Name: name, Detail: detail, User: user})
}
