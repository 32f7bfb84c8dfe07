package dns

import (
	"errors"
	"net"
	"testing"

	wire "github.com/miekg/dns"

	"github.com/atlilith/onboardbot/internal/secret"
)

// TestUnsignedReply asks a server that answers signed messages without a signature, as Knot does
// for a zone that it does not have.
func TestUnsignedReply(t *testing.T) {
	t.Parallel()
	for rcode, name := range map[int]string{
		wire.RcodeRefused: "refused", wire.RcodeSuccess: "accepted", wire.RcodeServerFailure: "failed",
		wire.RcodeNotImplemented: "not implemented", wire.RcodeFormatError: "format error",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := RFC2136Config{Server: startUnsigned(t, rcode), Key: "quinn-key", Secret: secret.New(tsigKey)}
			publisher, err := NewRFC2136(config)
			if err != nil {
				t.Fatal(err)
			}
			change := []Change{{Question: Question{zone, "A"}, After: []Record{record(t, zone, "A", "203.0.113.10")}}}
			if err := publisher.Publish(t.Context(), zone, change); !errors.Is(err, ErrUnsigned) {
				t.Errorf("Publish: %v, want %v", err, ErrUnsigned)
			}
			if err := publisher.Check(t.Context(), zone); !errors.Is(err, ErrUnsigned) {
				t.Errorf("Check: %v, want %v", err, ErrUnsigned)
			}
			if how, err := publisher.Ready(t.Context()); err != nil {
				t.Errorf("Ready: %q, %v", how, err)
			}
			config.Zones = []string{zone}
			configured, err := NewRFC2136(config)
			if err != nil {
				t.Fatal(err)
			}
			if how, err := configured.Ready(t.Context()); !errors.Is(err, ErrUnsigned) {
				t.Errorf("Ready with a zone: %q, %v", how, err)
			}
			questions := []Question{{zone, "A"}}
			for _, answer := range publisher.asker.askAll(t.Context(), publisher.server, zone, questions) {
				if answer.Problem != Unsigned {
					t.Errorf("problem %q, want %q", answer.Problem, Unsigned)
				}
			}
		})
	}
}

// startUnsigned serves an rcode over UDP and TCP, with authority and never with a signature.
func startUnsigned(t *testing.T, rcode int) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	handler := wire.HandlerFunc(func(w wire.ResponseWriter, query *wire.Msg) {
		reply := new(wire.Msg)
		reply.SetRcode(query, rcode)
		reply.Authoritative = true
		_ = w.WriteMsg(reply)
	})
	for _, server := range []*wire.Server{{Listener: listener, Handler: handler},
		{PacketConn: packets, Handler: handler}} {
		server.MsgAcceptFunc = func(wire.Header) wire.MsgAcceptAction { return wire.MsgAccept }
		go func() { _ = server.ActivateAndServe() }()
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return listener.Addr().String()
}
