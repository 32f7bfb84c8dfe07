// Package pgproxy stands between a client and PostgreSQL. It loses the network between them without
// a reset, in one direction or both, and tells a test of every COMMIT before and after it takes
// effect.
package pgproxy

import (
	"net"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Direction is that of data between client and server.
type Direction int

// The two directions.
const (
	ToServer Direction = iota
	ToClient
)

// Commit is a COMMIT under way.
type Commit struct {
	// Writes names what the transaction wrote, in order and each once, such as "UPDATE steps, INSERT
	// INTO attempts".
	Writes string
	// After says that the server has committed and the client does not know it yet. Otherwise the
	// server has not heard of it.
	After bool
}

// Proxy is one listener and its connections. It is safe for concurrent use.
type Proxy struct {
	listener net.Listener
	network  string
	target   string
	onCommit func(Commit) (drop bool)
	valves   [2]valve

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// New listens on 127.0.0.1 for connections to the server of a connection string. onCommit is called
// on the connection's goroutine; if it returns true, the connection is dropped there. It may be nil.
func New(dsn string, onCommit func(Commit) (drop bool)) (*Proxy, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	p := &Proxy{onCommit: onCommit, conns: map[net.Conn]bool{}}
	p.network, p.target = pgconn.NetworkAddress(config.Host, config.Port)
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	for i := range p.valves {
		p.valves[i].open = make(chan struct{})
		close(p.valves[i].open)
	}
	go p.accept()
	return p, nil
}

// DSN is a connection string through the proxy.
func (p *Proxy) DSN(dsn string) (string, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(p.listener.Addr().String())
	if err != nil {
		return "", err
	}
	parts := []string{"host=" + host, "port=" + port, "user=" + config.User, "dbname=" + config.Database,
		"sslmode=disable"}
	if config.Password != "" {
		parts = append(parts, "password="+config.Password)
	}
	return strings.Join(parts, " "), nil
}

// Stall loses what is sent in some directions from now on, without closing anything.
func (p *Proxy) Stall(directions ...Direction) {
	for _, direction := range directions {
		p.valves[direction].shut()
	}
}

// Resume delivers what was held back, and all that follows.
func (p *Proxy) Resume() {
	for i := range p.valves {
		p.valves[i].reopen()
	}
}

// Close ends the listener and all connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.Resume()
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.network, p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		session := &session{onCommit: p.onCommit, statements: map[string]string{}}
		go p.pump(client, server, ToServer, session.fromClient)
		go p.pump(server, client, ToClient, session.fromServer)
	}
}

// pump forwards one direction until either side ends, which it passes on.
func (p *Proxy) pump(from, to net.Conn, direction Direction, inspect func([]byte) (drop bool)) {
	defer func() {
		_, _ = from.Close(), to.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, from)
		delete(p.conns, to)
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if inspect(buffer[:n]) {
				return
			}
			p.valves[direction].wait()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			p.valves[direction].wait()
			return
		}
	}
}

// valve lets data pass while it is open.
type valve struct {
	mu   sync.Mutex
	open chan struct{} // closed while it is open
}

func (v *valve) wait() {
	v.mu.Lock()
	open := v.open
	v.mu.Unlock()
	<-open
}

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.open:
		v.open = make(chan struct{})
	default:
	}
}

func (v *valve) reopen() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.open:
	default:
		close(v.open)
	}
}
