package dns_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/atlilith/onboardbot/internal/sandbox/dns"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

func TestMain(m *testing.M) { os.Exit(namespace.Main(m)) }

var addresses = [2]string{namespace.Resolver, "192.0.2.54"}

func start(t *testing.T) *dns.Server {
	t.Helper()
	for _, address := range addresses {
		if out, err := exec.Command("ip", "addr", "replace", address+"/32", "dev", "lo").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	server, err := dns.Start(t.Context(), dns.Config{
		Dir:       t.TempDir(),
		Addresses: addresses,
		Hosts:     map[string]string{"acme": "192.0.2.14"},
		Zones:     []dns.Zone{{Name: "merche-biche.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// resolve is the first answer of a name server to a question about IPv4, or the response code.
func resolve(t *testing.T, server *dns.NameServer, network, name string) string {
	t.Helper()
	query := new(miekg.Msg)
	query.SetQuestion(miekg.Fqdn(name), miekg.TypeA)
	reply, _, err := (&miekg.Client{Net: network, Timeout: 300 * time.Millisecond}).Exchange(query, server.Address)
	switch {
	case err != nil:
		return "no answer"
	case len(reply.Answer) == 0:
		return miekg.RcodeToString[reply.Rcode]
	}
	return reply.Answer[0].(*miekg.A).A.String()
}

// publish sends one signed update over TCP and returns the response code, or the signature's own
// (RFC 8945, section 5.2).
func publish(t *testing.T, key dns.Key, zone, record string) string {
	t.Helper()
	rr, err := miekg.NewRR(record)
	if err != nil {
		t.Fatal(err)
	}
	update := new(miekg.Msg)
	update.SetUpdate(miekg.Fqdn(zone))
	update.Insert([]miekg.RR{rr})
	update.SetTsig(key.Name, miekg.HmacSHA256, 300, time.Now().Unix())
	client := &miekg.Client{Net: "tcp", TsigSecret: map[string]string{key.Name: key.Secret}}
	reply, _, err := client.Exchange(update, addresses[0]+":53")
	if reply == nil {
		t.Fatal(err)
	}
	if signature := reply.IsTsig(); signature != nil && signature.Error != miekg.RcodeSuccess {
		// 16 is BADVERS elsewhere and BADSIG in a signature.
		return fmt.Sprintf("signature %d", signature.Error)
	}
	return miekg.RcodeToString[reply.Rcode]
}

func TestUpdatesTakeTheRightKeyAndZone(t *testing.T) {
	server := start(t)
	if err := server.AddZone(t.Context(),
		dns.Zone{Name: "later.example", Records: []string{"@ A 192.0.2.1"}}); err != nil {
		t.Fatal(err)
	}
	wrong := server.Key
	wrong.Secret = "d3Jvbmc="
	cases := map[string]struct {
		key          dns.Key
		zone, record string
		want         string
	}{
		"a zone":               {server.Key, "merche-biche.com", "merche-biche.com. 60 A 203.0.113.10", "NOERROR"},
		"a zone added later":   {server.Key, "later.example", "www.later.example. 60 A 203.0.113.10", "NOERROR"},
		"a zone of others":     {server.Key, "example.com", "example.com. 60 A 203.0.113.10", "NOTAUTH"},
		"the world's own zone": {server.Key, dns.InfrastructureZone, "x.sandbox. 60 A 203.0.113.10", "REFUSED"},
		"a wrong secret":       {wrong, "merche-biche.com", "merche-biche.com. 60 A 203.0.113.66", "signature 16"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := publish(t, c.key, c.zone, c.record); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	for _, ns := range server.NameServers {
		for name, want := range map[string]string{
			"merche-biche.com":  "203.0.113.10",
			"www.later.example": "203.0.113.10",
			"acme.sandbox":      "192.0.2.14",
			"nobody.example":    "NXDOMAIN",
		} {
			for _, network := range []string{"udp", "tcp"} {
				if got := resolve(t, ns, network, name); got != want {
					t.Errorf("%s over %s says that %s is at %s, want %s", ns.Address, network, name, got, want)
				}
			}
		}
	}
}

func TestNameServersMisbehave(t *testing.T) {
	server := start(t)
	first, second := server.NameServers[0], server.NameServers[1]
	lie, err := miekg.NewRR("acme.sandbox. 60 A 198.51.100.1")
	if err != nil {
		t.Fatal(err)
	}
	check := func(when, ofFirst, ofSecond string) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			if got := [2]string{resolve(t, first, network, "acme.sandbox"),
				resolve(t, second, network, "ACME.sandbox")}; got != [2]string{ofFirst, ofSecond} {
				t.Errorf("%s over %s: got %v, want %s and %s", when, network, got, ofFirst, ofSecond)
			}
		}
	}
	const truth = "192.0.2.14"
	check("at first", truth, truth)
	second.Lie("acme.sandbox", miekg.TypeA, lie)
	check("lying", truth, "198.51.100.1")
	second.Lie("acme.sandbox", miekg.TypeA)
	check("forgetting", truth, "NOERROR")
	second.Behave()
	second.Delay(time.Second)
	check("slow", truth, "no answer")
	second.Behave()
	first.Silence()
	check("silent", "no answer", truth)
	first.Behave()
	check("at last", truth, truth)
}

func TestNamedKeepsItsZonesWhenItDies(t *testing.T) {
	server := start(t)
	if got := publish(t, server.Key, "merche-biche.com", "merche-biche.com. 60 A 203.0.113.10"); got != "NOERROR" {
		t.Fatal(got)
	}
	server.Daemon().Kill()
	if got := resolve(t, server.NameServers[0], "udp", "merche-biche.com"); got != "no answer" {
		t.Errorf("a dead server says %s", got)
	}
	if err := server.Daemon().Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := resolve(t, server.NameServers[0], "udp", "merche-biche.com"); got != "203.0.113.10" {
		t.Errorf("after its restart it says %s", got)
	}
}
