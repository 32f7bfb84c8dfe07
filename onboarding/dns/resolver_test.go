package dns

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	wire "github.com/miekg/dns"
)

// hostile answers on UDP as the test says.
func hostile(t *testing.T, address string, answer func(query *wire.Msg) *wire.Msg) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &wire.Server{PacketConn: conn, Handler: wire.HandlerFunc(func(w wire.ResponseWriter, query *wire.Msg) {
		if reply := answer(query); reply != nil {
			_ = w.WriteMsg(reply)
		}
	})}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
}

func authoritative(query *wire.Msg, lines ...string) *wire.Msg {
	reply := new(wire.Msg)
	reply.SetReply(query)
	reply.Authoritative = true
	for _, line := range lines {
		rr, err := wire.NewRR(line)
		if err != nil {
			panic(err)
		}
		reply.Answer = append(reply.Answer, rr)
	}
	return reply
}

const wantedA = zone + ". 60 IN A 203.0.113.10"

// TestEveryServerSpeaksForItself asks a zone with one good server, one that lags behind, and each
// kind of bad one.
func TestEveryServerSpeaksForItself(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	names := "@ IN NS ns1\n@ IN NS ns2\n@ IN NS ns3\n@ IN NS ns4\n@ IN NS ns5\n@ IN NS ns6\n@ IN NS ns7\n@ IN NS ns8\n"
	for i := range 8 {
		names += fmt.Sprintf("ns%d IN A 127.0.0.%d\n", i+1, i+1)
	}
	first := startNamed(t, "127.0.0.1", port, map[string]string{zone: names + "@ IN A 203.0.113.10\n@ IN TXT " +
		"other\nwww IN CNAME @"})
	at := func(i int) string { return fmt.Sprintf("127.0.0.%d:%d", i, port) }
	hostile(t, at(2), func(q *wire.Msg) *wire.Msg { return authoritative(q, zone+". 60 IN A 198.51.100.7") })
	hostile(t, at(3), func(q *wire.Msg) *wire.Msg { return new(wire.Msg).SetRcode(q, wire.RcodeRefused) })
	hostile(t, at(4), func(*wire.Msg) *wire.Msg { return nil })
	hostile(t, at(5), func(q *wire.Msg) *wire.Msg {
		reply := authoritative(q, wantedA)
		reply.Question[0].Name = "other.example."
		return reply
	})
	hostile(t, at(6), func(q *wire.Msg) *wire.Msg {
		reply := authoritative(q, wantedA)
		reply.Id++
		return reply
	})
	hostile(t, at(7), func(q *wire.Msg) *wire.Msg {
		reply := authoritative(q, wantedA)
		reply.Authoritative = false
		return reply
	})
	hostile(t, at(8), func(q *wire.Msg) *wire.Msg {
		return authoritative(q, wantedA, "evil.example. 60 IN A 203.0.113.66")
	})
	resolver, err := NewResolver(ResolverConfig{Servers: []string{first}, Port: port, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	wanted := []Record{record(t, zone, "A", "203.0.113.10")}
	state, err := resolver.Observe(t.Context(), zone, []Question{{zone, "A"}})
	if err != nil {
		t.Fatal(err)
	}
	old := record(t, zone, "A", "198.51.100.7")
	answer := func(problem Problem, records ...Record) []Answer {
		return []Answer{{Question: Question{zone, "A"}, Records: records, Problem: problem}}
	}
	want := State{Zone: zone, Servers: []Server{
		{"ns1." + zone, at(1), answer("", wanted[0])},
		{"ns2." + zone, at(2), answer("", old)},
		{"ns3." + zone, at(3), answer(Refused)},
		{"ns4." + zone, at(4), answer(Timeout)},
		{"ns5." + zone, at(5), answer(Malformed)},
		{"ns6." + zone, at(6), answer(Timeout)},
		{"ns7." + zone, at(7), answer(Lame)},
		{"ns8." + zone, at(8), answer("", wanted[0])},
	}}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Error(diff)
	}
	silent := []string{"ns3." + zone, "ns4." + zone, "ns5." + zone, "ns6." + zone, "ns7." + zone}
	findings := []Finding{
		{Record: wanted[0], Status: Wrong, Behind: []string{"ns2." + zone}, Silent: silent},
		{Record: old, Status: Extra, Behind: []string{"ns2." + zone}},
	}
	if diff := cmp.Diff(findings, Compare(wanted, state)); diff != "" {
		t.Error(diff)
	}
}

func TestCachedIsWhatTheResolverSays(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	at := fmt.Sprintf("127.0.0.1:%d", port)
	hostile(t, at, func(q *wire.Msg) *wire.Msg {
		if q.Question[0].Qtype == wire.TypeAAAA {
			return authoritative(q)
		}
		return authoritative(q, zone+". 60 IN A 198.51.100.66")
	})
	resolver, err := NewResolver(ResolverConfig{Servers: []string{"127.0.0.1:1", at}, Port: port,
		Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	got, err := resolver.Cached(t.Context(), zone)
	if err != nil || fmt.Sprint(got) != "[198.51.100.66]" {
		t.Errorf("addresses = %v, error = %v", got, err)
	}
}

func TestAddressesFollowsAliases(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	server := startNamed(t, "127.0.0.1", port, map[string]string{
		zone: "@ IN NS ns1\nns1 IN A 127.0.0.1\n@ IN A 203.0.113.10\n@ IN AAAA 2001:db8::10\nwww IN CNAME @\na " +
			"IN CNAME b\nb IN CNAME a",
		"foo.com": "@ IN NS ns1\nns1 IN A 127.0.0.1\nbar IN CNAME www." + zone + ".",
	})
	resolver, err := NewResolver(ResolverConfig{Servers: []string{server}, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	both := []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8::10")}
	for _, test := range []struct {
		name string
		want []netip.Addr
		err  string
	}{
		{name: zone, want: both},
		{name: "bar.foo.com", want: both},
		{name: "nothing." + zone},
		{name: "a." + zone, err: "not a usable domain name: a.merche-biche.com is part of a loop of aliases"},
		{name: "unknown.net", err: "no zone found for unknown.net: the resolver " + server + " refuses to answer " +
			"for this domain"},
	} {
		got, err := resolver.Addresses(t.Context(), test.name)
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Error(test.name, diff)
		}
		if (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
			t.Errorf("%s: error = %v, want %q", test.name, err, test.err)
		}
	}
}
