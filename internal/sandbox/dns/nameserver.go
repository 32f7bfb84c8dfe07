package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// NameServer is one address of the server. It forwards messages to named unchanged, so signatures
// stay valid, unless a test makes it misbehave.
type NameServer struct {
	// Address is host:port.
	Address string

	udp     net.PacketConn
	tcp     net.Listener
	workers sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	delay  time.Duration
	silent bool
	lies   map[question][]dns.RR
}

type question struct {
	name   string
	record uint16
}

func newNameServer(address string) (*NameServer, error) {
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, err
	}
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		udp.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &NameServer{Address: address, udp: udp, tcp: tcp, ctx: ctx, cancel: cancel, lies: map[question][]dns.RR{}}
	n.workers.Go(n.serveUDP)
	n.workers.Go(n.serveTCP)
	return n, nil
}

func (n *NameServer) close() {
	n.cancel()
	n.udp.Close()
	n.tcp.Close()
	n.workers.Wait()
}

// Delay delays every answer.
func (n *NameServer) Delay(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = d
}

// Silence makes it accept queries and answer none.
func (n *NameServer) Silence() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = true
}

// Silent reports whether it answers nothing.
func (n *NameServer) Silent() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.silent
}

// Lie makes it answer one query, such as "merche-biche.com" and [dns.TypeA], with these records
// instead of the zone's. Without records the answer is that the name has none of this type.
func (n *NameServer) Lie(name string, record uint16, records ...dns.RR) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lies[question{dns.CanonicalName(name), record}] = records
}

// Behave undoes Delay, Silence and Lie.
func (n *NameServer) Behave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay, n.silent = 0, false
	clear(n.lies)
}

func (n *NameServer) serveUDP() {
	buffer := make([]byte, dns.MaxMsgSize)
	for {
		size, from, err := n.udp.ReadFrom(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		query := append([]byte(nil), buffer[:size]...)
		n.workers.Go(func() {
			if reply := n.answer(query, askUDP); reply != nil {
				// The client may be gone.
				_, _ = n.udp.WriteTo(reply, from)
			}
		})
	}
}

func (n *NameServer) serveTCP() {
	for {
		conn, err := n.tcp.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		n.workers.Go(func() {
			stop := context.AfterFunc(n.ctx, func() { conn.Close() })
			defer stop()
			defer conn.Close()
			for {
				query, err := readFrame(conn)
				if err != nil {
					return
				}
				reply := n.answer(query, askTCP)
				if reply == nil || writeFrame(conn, reply) != nil {
					return
				}
			}
		})
	}
}

// answer returns the reply to a message, nil for none.
func (n *NameServer) answer(query []byte, ask func(context.Context, []byte) ([]byte, error)) []byte {
	n.mu.Lock()
	delay, silent := n.delay, n.silent
	n.mu.Unlock()
	if silent {
		return nil
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-n.ctx.Done():
			return nil
		}
	}
	if reply := n.lie(query); reply != nil {
		return reply
	}
	ctx, cancel := context.WithTimeout(n.ctx, 10*time.Second)
	defer cancel()
	reply, err := ask(ctx, query)
	if err != nil {
		return nil
	}
	return reply
}

// lie returns the wrong answer to a query, nil if there is none.
func (n *NameServer) lie(query []byte) []byte {
	var msg dns.Msg
	if err := msg.Unpack(query); err != nil || msg.Opcode != dns.OpcodeQuery || len(msg.Question) != 1 {
		return nil
	}
	n.mu.Lock()
	records, ok := n.lies[question{dns.CanonicalName(msg.Question[0].Name), msg.Question[0].Qtype}]
	n.mu.Unlock()
	if !ok {
		return nil
	}
	reply := new(dns.Msg)
	reply.SetReply(&msg)
	reply.Authoritative = true
	reply.Answer = records
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}

func askUDP(ctx context.Context, query []byte) ([]byte, error) {
	conn, err := dial(ctx, "udp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	buffer := make([]byte, dns.MaxMsgSize)
	size, err := conn.Read(buffer)
	return buffer[:size], err
}

func askTCP(ctx context.Context, query []byte) ([]byte, error) {
	conn, err := dial(ctx, "tcp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := writeFrame(conn, query); err != nil {
		return nil, err
	}
	return readFrame(conn)
}

func dial(ctx context.Context, network string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, backend)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// A message over TCP follows its length in two bytes (RFC 1035, section 4.2.2).
func readFrame(r io.Reader) ([]byte, error) {
	var size uint16
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	message := make([]byte, size)
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeFrame(w io.Writer, message []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}
