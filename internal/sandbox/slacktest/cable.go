package slacktest

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Cable is a replica's line to its database: a proxy that a test cuts and mends.
type Cable struct {
	// Pool goes through the cable.
	Pool *pgxpool.Pool

	mu    sync.Mutex
	flows *sync.Cond
	down  bool
	ends  map[net.Conn]bool
}

var errUnplugged = errors.New("the cable to the database is cut")

// Cable lays a cable to the world's database. It ends with the test.
func (w *World) Cable() *Cable {
	w.T.Helper()
	c := &Cable{ends: map[net.Conn]bool{}}
	c.flows = sync.NewCond(&c.mu)
	config, err := poolConfig(w.DSN)
	if err != nil {
		w.T.Fatal(err)
	}
	config.ConnConfig.DialFunc = c.dial
	if c.Pool, err = pgxpool.NewWithConfig(w.T.Context(), config); err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() {
		c.Cut()
		c.Mend()
		c.Pool.Close()
	})
	return c
}

// Cut ends all connections, and none can be made until [Cable.Mend].
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
	for end := range c.ends {
		_ = end.Close()
		delete(c.ends, end)
	}
	c.flows.Broadcast()
}

// Stall lets nothing through until [Cable.Mend], and tells neither side, as a network does that loses
// its route.
func (c *Cable) Stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
}

// Mend makes the cable carry again what is sent and what was sent meanwhile.
func (c *Cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = false
	c.flows.Broadcast()
}

// dial connects to the database through two more sockets, of which the test holds the middle.
func (c *Cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	down := c.down
	c.mu.Unlock()
	if down {
		return nil, errUnplugged
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	client, middle, err := pair()
	if err != nil {
		_ = server.Close()
		return nil, err
	}
	c.mu.Lock()
	c.ends[server], c.ends[middle] = true, true
	c.mu.Unlock()
	go c.carry(server, middle)
	go c.carry(middle, server)
	return client, nil
}

// pair returns two connected sockets.
func pair() (a, b net.Conn, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	if a, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = listener.Accept(); err != nil {
		_ = a.Close()
	}
	return a, b, err
}

// carry copies what one end sends to the other.
func (c *Cable) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		c.mu.Lock()
		for c.down && c.ends[to] {
			c.flows.Wait()
		}
		c.mu.Unlock()
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			c.mu.Lock()
			delete(c.ends, to)
			c.mu.Unlock()
			return
		}
	}
}
