package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/webapi"
)

const (
	handshakeTimeout = 10 * time.Second
	// idleTimeout is how long a connection may be without a ping or a frame before it counts as
	// dead, as in slack-go.
	idleTimeout = 30 * time.Second
	// noticeTimeout is how long a connection is still read after Slack has given notice of it,
	// should Slack not close it. A warning comes about 10 s before the end.
	noticeTimeout = 30 * time.Second
	writeTimeout  = 5 * time.Second
	// maxFrame bounds what Slack may send in one message; a view alone may have 250 KB.
	maxFrame = 4 << 20
	// writeBuffer keeps an acknowledgement in one WebSocket frame: Slack does not join
	// continuation frames.
	writeBuffer = 32 << 10
)

// envelope is one frame of Socket Mode.
type envelope struct {
	Type       string          `json:"type"`
	ID         string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload"`
	Reason     string          `json:"reason"`
	Retry      int             `json:"retry_attempt"`
	Connection struct {
		Lifetime int `json:"approximate_connection_time"`
	} `json:"debug_info"`
}

// connection is one WebSocket of Socket Mode, from hello until Slack closes it.
//
// slack-go's socketmode.Client is not used. It closes a connection at any disconnect message,
// even at the warning that comes seconds ahead, and loses what is under way on it. And since its
// queue of acknowledgements belongs to the client, one can leave on the next connection, where
// Slack may not take it. Here an acknowledgement leaves on the connection by which its envelope
// came or not at all, and a connection of which Slack gave notice is read and answered until it
// ends, while its successor is already up.
type connection struct {
	ws *websocket.Conn
	// lifetime is Slack's estimate of how long this connection lasts; 0 when it did not say.
	lifetime time.Duration
	// notice is closed when Slack says that the connection will end, ended when it has.
	notice, ended chan struct{}
	// reason of the notice, to be read after notice is closed.
	reason string

	writing sync.Mutex
	noticed sync.Once
}

// dial opens a connection and waits for its hello. Errors that no retry can help wrap
// [webapi.ErrRevoked].
func dial(ctx context.Context, api *slack.Client) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	_, address, err := api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("apps.connections.open: %w", webapi.MarkRevoked(err))
	}
	dialer := websocket.Dialer{
		Proxy:            websocket.DefaultDialer.Proxy,
		HandshakeTimeout: handshakeTimeout,
		WriteBufferSize:  writeBuffer,
	}
	ws, resp, err := dialer.DialContext(ctx, address, nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		// The address carries a ticket and stays out of the error.
		return nil, fmt.Errorf("socket mode: %w", webapi.WithoutURL(err))
	}
	c := newConnection(ws)
	if err := c.hello(ctx); err != nil {
		_ = ws.Close()
		return nil, fmt.Errorf("socket mode: %w", err)
	}
	return c, nil
}

func newConnection(ws *websocket.Conn) *connection {
	c := &connection{ws: ws, notice: make(chan struct{}), ended: make(chan struct{})}
	ws.SetReadLimit(maxFrame)
	c.extendDeadline()
	ws.SetPingHandler(func(data string) error {
		c.extendDeadline()
		// A pong that fails shows as a failed read.
		_ = ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
		return nil
	})
	return c
}

// hello waits for the first frame.
func (c *connection) hello(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.ws.Close() })
	hello, err := c.read()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil && hello.Type != "hello" {
		err = fmt.Errorf("first frame is %q instead of hello", hello.Type)
	}
	c.lifetime = time.Duration(hello.Connection.Lifetime) * time.Second
	return err
}

// extendDeadline postpones the time at which the connection counts as dead. After a notice that
// time stays as it is.
func (c *connection) extendDeadline() {
	select {
	case <-c.notice:
	default:
		_ = c.ws.SetReadDeadline(time.Now().Add(idleTimeout))
	}
}

func (c *connection) read() (envelope, error) {
	_, message, err := c.ws.ReadMessage()
	if err != nil {
		return envelope{}, err
	}
	c.extendDeadline()
	var e envelope
	if err := json.Unmarshal(message, &e); err != nil {
		return envelope{}, malformedFrame{err}
	}
	return e, nil
}

// malformedFrame is a message that is not JSON; the connection itself is fine.
type malformedFrame struct{ error }

// serve hands over every envelope until the connection ends. receive must not block.
func (c *connection) serve(receive func(envelope), malformed func(error)) error {
	defer close(c.ended)
	defer c.ws.Close()
	for {
		e, err := c.read()
		if frame, ok := errors.AsType[malformedFrame](err); ok {
			malformed(frame)
			continue
		}
		if err != nil {
			return err
		}
		switch e.Type {
		case "hello":
		case "disconnect":
			c.noticed.Do(func() {
				c.reason = e.Reason
				close(c.notice)
				_ = c.ws.SetReadDeadline(time.Now().Add(noticeTimeout))
			})
		default:
			receive(e)
		}
	}
}

// send writes one frame.
func (c *connection) send(frame []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return c.ws.WriteMessage(websocket.TextMessage, frame)
}

// close sends a close frame and ends the connection at once.
func (c *connection) close() {
	frame := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second))
	_ = c.ws.Close()
}

// closeReason is the reason that Slack gave for ending the connection, if any.
func (c *connection) closeReason() string {
	select {
	case <-c.notice:
		return c.reason
	default:
		return ""
	}
}
