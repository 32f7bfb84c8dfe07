package renewal

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep/sweeptest"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

const domain = "merche-biche.com"

// silentHost is a host on which every command prints nothing.
type silentHost struct{}

func (silentHost) Output(context.Context, hosts.Command) ([]byte, error) { return nil, nil }

// cronlessHost is a host on which nothing starts certbot.
type cronlessHost struct{ asked *int }

func (h cronlessHost) Output(context.Context, hosts.Command) ([]byte, error) {
	*h.asked++
	return []byte("Cron=no\nCronRunning=no\n"), nil
}

// TestExamineTimers judges sites by what starts certbot on their hosts, and asks each host once.
func TestExamineTimers(t *testing.T) {
	t.Parallel()
	asked := 0
	doctor := NewDoctor(certbot.Hosts{"vps": silentHost{}, "idle": cronlessHost{&asked}}, nil, nil,
		certificates.Limits{})
	site := func(name, host string, lineages ...certificates.Lineage) certificates.SiteReport {
		return certificates.SiteReport{Site: certificates.Site{Domain: name, Host: host}, Lineages: lineages}
	}
	lineage := certificates.Lineage{Name: domain}
	report := certificates.Report{Sites: []certificates.SiteReport{site("a.example", "vps", lineage),
		site("b.example", "idle", lineage), site("c.example", "idle", lineage), site("d.example", "idle"),
		site("e.example", "")}}
	doctor.ExamineTimers(t.Context(), &report)
	var got []string
	for _, site := range report.Sites {
		got = append(got, fmt.Sprint(site.Domain, " ", site.Severity, " ", len(site.Faults)))
	}
	want := []string{"b.example needs attention 1", "c.example needs attention 1", "a.example OK 0", "d.example OK 0",
		"e.example OK 0"}
	if diff := cmp.Diff(want, got); diff != "" || asked != 1 {
		t.Errorf("asked %d times (-want +got)\n%s", asked, diff)
	}
}

// servers are two name servers: one with records, one with a problem.
type servers struct {
	records map[dns.Question][]dns.Record
	second  dns.Problem
}

func (s servers) Observe(_ context.Context, domain string, questions []dns.Question) (dns.State, error) {
	state := dns.State{Zone: domain, Servers: []dns.Server{{Name: "ns1." + domain}, {Name: "ns2." + domain}}}
	for _, q := range questions {
		state.Servers[0].Answers = append(state.Servers[0].Answers, dns.Answer{Question: q, Records: s.records[q]})
		if s.second != "" {
			state.Servers[1].Answers = append(state.Servers[1].Answers, dns.Answer{Question: q, Problem: s.second})
		}
	}
	return state, nil
}

func TestDiagnosisFromOutside(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := sweeptest.ReservePorts(t)
	at, closed := netip.MustParseAddr("127.13.0.1"), netip.MustParseAddr("127.13.0.2")
	probetest.HTTP(t, netip.AddrPortFrom(at, ports.HTTP).String(),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/.well-known/acme-challenge/onboardbot" {
				t.Errorf("asked for %s", r.URL)
			}
			if r.Host == "www."+domain {
				w.WriteHeader(http.StatusBadGateway)
			}
		}))
	record := func(name, kind, value string) dns.Record {
		return dns.Record{Name: name, Type: kind, TTL: 60, Value: value}
	}
	letsEncrypt := []certificates.Lineage{{Name: domain, Directory: "https://acme-v02.api.letsencrypt.org/directory"}}
	look := func(name string, address netip.Addr) certificates.Observation {
		return certificates.Observation{Name: name, Address: address, Visited: true}
	}
	for name, test := range map[string]struct {
		site certificates.SiteReport
		zone servers
		want []string
	}{
		"well": {
			certificates.SiteReport{Observations: []certificates.Observation{look(domain, at)}, Lineages: letsEncrypt},
			servers{records: map[dns.Question][]dns.Record{
				{Name: domain, Type: "A"}: {record(domain, "A", at.String())},
				{Name: domain, Type: "CAA"}: {record(domain, "CAA", `0 issue "ca.example"`),
					record(domain, "CAA", `0 issue "letsencrypt.org; validationmethods=http-01"`)},
			}},
			nil,
		},
		"everything at once": {
			certificates.SiteReport{Observations: []certificates.Observation{look(domain, closed),
				look("www."+domain, at)}, Lineages: letsEncrypt,
				Faults: []certificates.Fault{certificates.NewFault(certificates.RenewalOff, certificates.Attention,
					"it is turned off"), certificates.NewFault("silent", certificates.Critical, "not about renewal")}},
			servers{second: dns.Lame, records: map[dns.Question][]dns.Record{
				{Name: domain, Type: "A"}:    {record(domain, "A", "198.51.100.7")},
				{Name: domain, Type: "AAAA"}: {record(domain, "AAAA", "2001:db8::bad")},
				{Name: domain, Type: "CAA"}:  {record(domain, "CAA", `0 issue "ca.example"`)},
			}},
			[]string{
				"it is turned off",
				"the CAA records of merche-biche.com do not allow its authority to issue",
				"the name server ns1.merche-biche.com says that merche-biche.com is at 198.51.100.7, which is not " +
					"the host",
				"the name server ns1.merche-biche.com says that merche-biche.com is at 2001:db8::bad, which is not " +
					"the host",
				"the name server ns2.merche-biche.com is listed as a name server of this domain but does not serve " +
					"it (asked for merche-biche.com A)",
				"the name server ns2.merche-biche.com is listed as a name server of this domain but does not serve " +
					"it (asked for merche-biche.com AAAA)",
				"the name server ns2.merche-biche.com is listed as a name server of this domain but does not serve " +
					"it (asked for merche-biche.com CAA)",
				"an authority cannot check the domain over port 80: 127.13.0.2 refuses connections for " +
					"merche-biche.com: nothing listens on port PORT",
				"an authority cannot check the domain over port 80: 127.13.0.1 answers 502 for www.merche-biche.com",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.site.Site = certificates.Site{Domain: domain, Names: []string{domain}, Host: "vps",
				Addresses: []netip.Addr{at}}
			doctor := NewDoctor(certbot.Hosts{"vps": silentHost{}}, test.zone,
				sweeptest.Prober(t, authority, ports, time.Second), certificates.Limits{})
			got := doctor.Diagnose(t.Context(), test.site, time.Now()).Reasons
			for i := range got {
				got[i] = strings.Replace(got[i], fmt.Sprintf("port %d", ports.HTTP), "port PORT", 1)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	site := certificates.SiteReport{Site: certificates.Site{Domain: domain, Names: []string{domain}}}
	got := NewDoctor(certbot.Hosts{}, servers{}, sweeptest.Prober(t, authority, ports, time.Second),
		certificates.Limits{}).Diagnose(t.Context(), site, time.Now())
	if diff := cmp.Diff([]string{
		"the configuration does not say on which host certbot manages the certificate of merche-biche.com"},
		got.Reasons); diff != "" {
		t.Error(diff)
	}
}
