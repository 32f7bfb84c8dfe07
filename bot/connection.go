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
	// silence is how long a connection may be without a ping or a frame before it counts as dead,
	// as in slack-go.
	silence = 30 * time.Second
	// ending is how long a connection that Slack has given notice of is still read, should Slack
	// not close it. A warning comes about 10 s before.
	ending       = 30 * time.Second
	writeTimeout = 5 * time.Second
	// maxFrame bounds what Slack may send in one message; a view alone may have 250 KB.
	maxFrame = 4 << 20
	// writeBuffer keeps an acknowledgement in one WebSocket frame: Slack does not put continuation
	// frames together.
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
// slack-go's socketmode.Client is not used: it closes a connection at any `disconnect`, even at
// the warning that comes seconds ahead, and so loses what is still under way on it; and as its
// queue of acknowledgements belongs to the client, one can leave on the next connection, where
// Slack may not take it. Here an acknowledgement leaves on the connection that its envelope came
// by or not at all, and a connection that was given notice is read and answered until it ends,
// while its successor is already up.
type connection struct {
	ws *websocket.Conn
	// lifetime is Slack's own guess of how long this connection lasts; 0 when it did not say.
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
	dialer := websocket.Dialer{Proxy: websocket.DefaultDialer.Proxy, HandshakeTimeout: handshakeTimeout, WriteBufferSize: writeBuffer}
	ws, resp, err := dialer.DialContext(ctx, address, nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		// The address carries a ticket and stays out of the error.
		return nil, fmt.Errorf("socket mode: %w", webapi.WithoutURL(err))
	}
	ws.SetReadLimit(maxFrame)
	c := &connection{ws: ws, notice: make(chan struct{}), ended: make(chan struct{})}
	c.heard()
	ws.SetPingHandler(func(data string) error {
		c.heard()
		// A failed pong shows as a failed read.
		_ = ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
		return nil
	})
	stop := context.AfterFunc(ctx, func() { _ = ws.Close() })
	hello, err := c.read()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil && hello.Type != "hello" {
		err = fmt.Errorf("first frame is %q instead of hello", hello.Type)
	}
	if err != nil {
		_ = ws.Close()
		return nil, fmt.Errorf("socket mode: %w", err)
	}
	c.lifetime = time.Duration(hello.Connection.Lifetime) * time.Second
	return c, nil
}

// heard pushes the time of death out. After a notice it stays where it is.
func (c *connection) heard() {
	select {
	case <-c.notice:
	default:
		_ = c.ws.SetReadDeadline(time.Now().Add(silence))
	}
}

func (c *connection) read() (envelope, error) {
	_, message, err := c.ws.ReadMessage()
	if err != nil {
		return envelope{}, err
	}
	c.heard()
	var e envelope
	if err := json.Unmarshal(message, &e); err != nil {
		return envelope{}, badFrame{err}
	}
	return e, nil
}

// badFrame is a message that is not JSON; the connection itself is fine.
type badFrame struct{ error }

// serve hands over every envelope until the connection ends. receive must not block.
func (c *connection) serve(receive func(envelope), bad func(error)) error {
	defer close(c.ended)
	defer c.ws.Close()
	for {
		e, err := c.read()
		if malformed, ok := errors.AsType[badFrame](err); ok {
			bad(malformed)
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
				_ = c.ws.SetReadDeadline(time.Now().Add(ending))
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

// close says goodbye and ends the connection at once.
func (c *connection) close() {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second))
	_ = c.ws.Close()
}
