package runbook_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	wire "github.com/miekg/dns"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// publish puts records into a zone as its owner would.
func (w *fixture) publish(zone string, remove bool, records ...string) {
	w.t.Helper()
	update := new(wire.Msg)
	update.SetUpdate(wire.Fqdn(zone))
	for _, text := range records {
		record, err := wire.NewRR(text)
		if err != nil {
			w.t.Fatal(err)
		}
		if remove {
			update.Remove([]wire.RR{record})
		} else {
			update.Insert([]wire.RR{record})
		}
	}
	client := &wire.Client{Net: "tcp", TsigSecret: map[string]string{w.DNS.Key.Name: w.DNS.Key.Secret}}
	update.SetTsig(w.DNS.Key.Name, wire.HmacSHA256, 300, time.Now().Unix())
	reply, _, err := client.Exchange(update, w.DNS.NameServers[0].Address)
	if err != nil || reply.Rcode != wire.RcodeSuccess {
		w.t.Fatalf("update of %s: %v %v", zone, reply, err)
	}
}

func set(name, kind string, before []string, after ...string) onboarding.RecordsEdit {
	return onboarding.RecordsEdit{Name: name, Type: kind, TTL: 60, Before: append([]string{}, before...), After: after}
}

func TestDNS(t *testing.T) {
	w := newFixture(t, nil)
	const key = onboarding.Key("dns/merche-biche.com")
	run := w.newRun(merche("merche-biche.com"))

	// Somebody has parked the domain.
	w.publish("merche-biche.com", false, "merche-biche.com. 300 A 192.0.2.9",
		"merche-biche.com. 300 MX 10 mail.example.org.")
	observed := w.observe(run, key)
	parked := set("merche-biche.com", "A", []string{"192.0.2.9"}, "203.0.113.10")
	parked.BeforeTTL = 300
	want := []onboarding.Item{{DNS: &onboarding.ZoneUpdate{Zone: "merche-biche.com", Sets: []onboarding.RecordsEdit{
		parked,
		set("merche-biche.com", "AAAA", nil, "2001:db8::10"),
		set("www.merche-biche.com", "A", nil, "203.0.113.10"),
		set("www.merche-biche.com", "AAAA", nil, "2001:db8::10"),
	}}}}
	if diff := cmp.Diff(want, observed.Change.Items); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}

	// The records change between the observation and the application: nothing is applied.
	w.publish("merche-biche.com", false, "www.merche-biche.com. 60 A 192.0.2.10")
	if err := w.apply(run, key, observed.Change); !errors.Is(err, dns.ErrDrift) {
		t.Fatalf("want drift, got %v", err)
	}
	if observed = w.observe(run, key); len(observed.Change.Items[0].DNS.Sets) != 4 ||
		observed.Change.Items[0].DNS.Sets[2].Before[0] != "192.0.2.10" {
		t.Fatalf("got %+v", observed.Change.Items[0].DNS)
	}

	// One server is behind: the step waits and says which.
	w.DNS.NameServers[1].Lie("www.merche-biche.com", wire.TypeA)
	if err := w.apply(run, key, observed.Change); err != nil {
		t.Fatal(err)
	}
	observed = w.observe(run, key)
	var late []string
	for _, finding := range observed.Findings {
		if finding.Level != onboarding.OK {
			late = append(late, finding.Name+": "+finding.Detail)
		}
	}
	if diff := cmp.Diff([]string{"www.merche-biche.com A: 203.0.113.10; not yet at ns2.sandbox"}, late); diff != "" ||
		observed.Waiting == "" || observed.Again == 0 {
		t.Fatalf("(-want +got)\n%s %+v", diff, observed)
	}
	w.DNS.NameServers[1].Silence()
	if observed = w.observe(run, key); observed.Waiting == "" ||
		!strings.Contains(observed.Findings[0].Detail, "no usable answer "+
			"from ns2.sandbox") {
		t.Fatalf("a silent server: %+v", observed)
	}
	w.DNS.NameServers[1].Behave()
	w.checkDone(key, w.observe(run, key))

	// What is not the bot's to take away.
	w.publish("merche.example", false, "www.merche.example. 60 CNAME parked.example.")
	got := w.conflict(w.newRun(merche("merche.example")), "dns/merche.example")
	const alias = "www.merche.example is an alias for parked.example.: no other record can stand beside it."
	if !strings.HasPrefix(got, alias) {
		t.Errorf("got %q", got)
	}
	if _, err := w.runbook.Observe(t.Context(), w.newRun(merche("unregistered.net")),
		"dns/unregistered.net"); !errors.Is(err, dns.ErrNoZone) {
		t.Errorf("a domain without a zone: %v", err)
	}
}

func TestDNSByHand(t *testing.T) {
	w := newFixture(t, func(config *settings.Config) {
		config.DNS.Provider = settings.Manual
		host := config.Hosts["vps-0"]
		host.IPv6 = ""
		config.Hosts["vps-0"] = host
	})
	const key = onboarding.Key("dns/merche-biche.com")
	run := w.newRun(merche("merche-biche.com"))
	observed := w.observe(run, key)
	want := `Make these records. No other address, mail exchanger or SPF record may stand beside them; other text stays:
merche-biche.com. 60 IN A 203.0.113.10
www.merche-biche.com. 60 IN A 203.0.113.10`
	if diff := cmp.Diff(want, observed.Waiting); diff != "" || !observed.Change.Empty() {
		t.Fatalf("(-want +got)\n%s %+v", diff, observed.Change)
	}
	w.publish("merche-biche.com", false, "merche-biche.com. 60 A 203.0.113.10",
		"www.merche-biche.com. 60 A 203.0.113.10")
	w.checkDone(key, w.observe(run, key))

	// The VPS has no IPv6 address, so nobody may be sent to one.
	w.publish("merche-biche.com", false, "www.merche-biche.com. 60 AAAA 2001:db8::99")
	if got := w.conflict(run, key); !strings.HasPrefix(got,
		"www.merche-biche.com has the AAAA record 2001:db8::99, but vps-0 has no IPv6 address") {
		t.Errorf("got %q", got)
	}
	unregistered := w.observe(w.newRun(merche("unregistered.net")), "dns/unregistered.net")
	if !strings.HasPrefix(unregistered.Waiting, "No zone is found for unregistered.net") {
		t.Errorf("got %+v", unregistered)
	}
}
