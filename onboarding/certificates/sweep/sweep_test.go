package sweep

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep/sweeptest"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

func ip(last int) netip.Addr { return netip.AddrFrom4([4]byte{127, 7, 0, byte(last)}) }

func TestSweepTellsBadConditionsApart(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := sweeptest.ReservePorts(t)
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	issue := func(order probetest.Order) tls.Certificate { return authority.Issue(t, order) }
	const month = 30 * aDay
	good := issue(probetest.Order{Names: []string{"good.example"}})
	both := []tls.Certificate{issue(probetest.Order{Names: []string{"both.example"}}),
		issue(probetest.Order{Names: []string{"both.example"}, RSA: true, NotBefore: in(-3 * month),
			NotAfter: in(-aDay)})}
	idn := issue(probetest.Order{Names: []string{"xn--bcher-kva.example"}})
	served := issue(probetest.Order{Names: []string{"stale.example"}, NotBefore: in(-2 * month), NotAfter: in(month)})
	renewed := issue(probetest.Order{Names: []string{"stale.example"}})
	foreign := issue(probetest.Order{Names: []string{"foreign.example"}})
	foreignOnDisk := issue(probetest.Order{Names: []string{"foreign.example"}, NotBefore: in(-month)})
	aging := issue(probetest.Order{Names: []string{"aging.example"}, NotBefore: in(-70 * aDay),
		NotAfter: in(20 * aDay)})
	incomplete := issue(probetest.Order{Names: []string{"incomplete.example"}})
	incomplete.Certificate = incomplete.Certificate[:1]
	wrong := issue(probetest.Order{Names: []string{"other.example"}})
	soon := issue(probetest.Order{Names: []string{"soon.example"}, NotBefore: in(2 * time.Hour)})
	expired := issue(probetest.Order{Names: []string{"expired.example"}, NotBefore: in(-3 * month),
		NotAfter: in(-aDay)})
	date := func(c tls.Certificate, end bool) string {
		if end {
			return certificates.Time(c.Leaf.NotAfter)
		}
		return certificates.Time(c.Leaf.NotBefore)
	}

	z := sweeptest.Zone{Authoritative: map[string][]netip.Addr{}, Resolver: map[string][]netip.Addr{}}
	onDisk := sweeptest.Disk{"vps": {sweeptest.Lineage("good.example", good),
		sweeptest.Lineage("both.example", both[0]), sweeptest.Lineage("stale.example", renewed),
		sweeptest.Lineage("foreign.example", foreignOnDisk)}}
	for i, test := range []struct {
		domain string
		at     []netip.Addr // default one of its own
		serve  func(address netip.Addr)
		edit   func(*certificates.Site)
		hangs  bool   // until the prober's timeout
		want   string // severity, then a fault a line; ADDRESS for the address
	}{
		{domain: "good.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, good) },
			edit: func(s *certificates.Site) { s.Host = "vps" }, want: "well"},
		{domain: "bücher.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, idn) },
			edit: func(s *certificates.Site) { s.Host = "vps" },
			want: "attention\nunknown to certbot: certbot on vps has no certificate for bücher.example, so nothing " +
				"renews it"},
		{domain: "nothing.example", at: []netip.Addr{},
			want: "urgent\nno address: nothing.example has no address in DNS"},
		{domain: "broken.example", at: []netip.Addr{},
			want: "could not look\nno name server: could not find out where visitors of broken.example arrive: " +
				sweeptest.ErrServFail.Error()},
		{domain: "refused.example",
			want: "urgent\nrefused: ADDRESS refuses connections for refused.example: nothing listens on port HTTPS"},
		{domain: "silent.example", hangs: true, serve: func(a netip.Addr) {
			probetest.Silent(t, netip.AddrPortFrom(a, ports.HTTPS).String())
		},
			want: "urgent\nsilent: ADDRESS:HTTPS accepts the connection for silent.example and then sends nothing"},
		{domain: "endless.example", hangs: true, serve: func(a netip.Addr) {
			probetest.Endless(t, netip.AddrPortFrom(a, ports.HTTPS).String())
		},
			want: "urgent\nendless handshake: ADDRESS:HTTPS begins a handshake for endless.example and never " +
				"completes it"},
		{domain: "wrong.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, wrong) },
			want: "urgent\nwrong name: the certificate served for wrong.example is for other.example"},
		{domain: "selfsigned.example", serve: func(a netip.Addr) {
			sweeptest.Serve(t, a, ports, probetest.SelfSigned(t,
				probetest.Order{Names: []string{"selfsigned.example"}}))
		}, want: "urgent\nself-signed: the certificate for selfsigned.example is signed by itself, not by an " +
			"authority"},
		{domain: "expired.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, expired) },
			want: "urgent\nexpired: the certificate for expired.example expired on " + date(expired, true)},
		{domain: "incomplete.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, incomplete) },
			want: "urgent\nincomplete chain: the server for incomplete.example does not send the certificate of its " +
				"issuer, CN=Trusted intermediate: the chain is incomplete, or the issuer is not trusted"},
		{domain: "soon.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, soon) },
			want: "urgent\nnot yet valid: the certificate for soon.example is not valid before " + date(soon, false) +
				": either it was installed too early or this machine's clock is slow"},
		{domain: "skewed.example", serve: func(a netip.Addr) {
			probetest.TLS(t, netip.AddrPortFrom(a, ports.HTTPS).String(),
				issue(probetest.Order{Names: []string{"skewed.example"}}))
			sweeptest.ServeRedirect(t, a, ports, 2*time.Hour)
		}, want: "attention\nclock skew: the clocks of ADDRESS and of this machine differ by 120 minutes: one of " +
			"them is wrong, and validity is judged by this machine's"},
		{domain: "both.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, both...) },
			edit: func(s *certificates.Site) { s.Host = "vps" },
			want: "urgent\nexpired: the certificate for both.example expired on " + date(both[1], true) +
				"\nnot certbot's: visitors of both.example at ADDRESS get a certificate that certbot on vps does " +
				"not have"},
		{domain: "plain.example", serve: func(a netip.Addr) {
			probetest.TLS(t, netip.AddrPortFrom(a, ports.HTTPS).String(),
				issue(probetest.Order{Names: []string{"plain.example"}}))
			probetest.HTTP(t, netip.AddrPortFrom(a, ports.HTTP).String(), http.NotFoundHandler())
		}, want: "attention\nbad redirect: http://plain.example at ADDRESS:HTTP answers 404 instead of a permanent " +
			"redirect to https"},
		{domain: "stale.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, served) },
			edit: func(s *certificates.Site) { s.Host = "vps" },
			want: "attention\nnot reloaded: renewed but not reloaded: visitors of stale.example at ADDRESS still " +
				"get the certificate until " + date(served, true) + ", while vps has " +
				"one until " + date(renewed, true) + " on disk: reload nginx there"},
		{domain: "foreign.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, foreign) },
			edit: func(s *certificates.Site) { s.Host = "vps" },
			want: "attention\nnot certbot's: visitors of foreign.example at ADDRESS get a certificate that certbot " +
				"on vps does not have"},
		{domain: "aging.example", serve: func(a netip.Addr) { sweeptest.Serve(t, a, ports, aging) },
			want: "attention\nrenewal late: the certificate of aging.example should have been renewed by " +
				certificates.Time(aging.Leaf.NotAfter.Add(-aging.Leaf.NotAfter.Sub(aging.Leaf.NotBefore)/3)) +
				" and was not"},
		{domain: "nohost.example", serve: func(a netip.Addr) {
			sweeptest.Serve(t, a, ports, issue(probetest.Order{Names: []string{"nohost.example"}}))
		}, edit: func(s *certificates.Site) { s.Host = "gone" },
			want: `could not look` + "\n" +
				`host silent: could not read what certbot has for nohost.example: no such host: "gone"`},
		{domain: "lied.example", serve: func(a netip.Addr) {
			sweeptest.Serve(t, a, ports, issue(probetest.Order{Names: []string{"lied.example"}}))
		},
			edit: func(s *certificates.Site) {
				z.Resolver["lied.example"] = []netip.Addr{netip.MustParseAddr("198.51.100.66")}
			},
			want: "attention\nresolver disagrees: this machine's resolver sends visitors of lied.example to " +
				"198.51.100.66, while the domain's own name servers say ADDRESS: the resolver is out of date " +
				"or wrong"},
		{domain: "moved.example", serve: func(a netip.Addr) {
			sweeptest.Serve(t, a, ports, issue(probetest.Order{Names: []string{"moved.example"}}))
		},
			edit: func(s *certificates.Site) {
				sweeptest.Serve(t, ip(200), ports, issue(probetest.Order{Names: []string{"moved.example"}}))
				s.Addresses = []netip.Addr{ip(200)}
			},
			want: "urgent\nDNS elsewhere: DNS sends visitors of moved.example to ADDRESS, but the site is at " +
				"127.7.0.200\n" +
				"differs by address: visitors of moved.example get one certificate at ADDRESS and another at " +
				"127.7.0.200"},
	} {
		t.Run(test.domain, func(t *testing.T) {
			address := ip(i + 1)
			site := certificates.Site{Domain: test.domain, Names: []string{test.domain}}
			if test.serve != nil {
				test.serve(address)
			}
			if test.edit != nil {
				test.edit(&site)
			}
			site, err := site.Canonical()
			if err != nil {
				t.Fatal(err)
			}
			if test.at == nil {
				test.at = []netip.Addr{address}
			}
			z.Authoritative[site.Domain] = test.at
			timeout := 20 * time.Second
			if test.hangs {
				timeout = time.Second
			}
			s := sweeper(t, authority, z, onDisk, ports)
			s.sources.Prober = sweeptest.Prober(t, authority, ports, timeout)
			report := sweepOne(t, s, site)
			got := report.Severity.Name()
			for _, fault := range report.Faults {
				got += "\n" + string(fault.Kind) + ": " + fault.Sentence
			}
			got = strings.NewReplacer(fmt.Sprintf("%s:%d", address, ports.HTTP), "ADDRESS:HTTP",
				fmt.Sprintf("%s:%d", address, ports.HTTPS), "ADDRESS:HTTPS",
				address.String(), "ADDRESS", fmt.Sprintf("port %d", ports.HTTPS), "port HTTPS").Replace(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const aDay = 24 * time.Hour

func sweepOne(t *testing.T, s *Sweeper, site certificates.Site) certificates.SiteReport {
	t.Helper()
	report, err := s.Sweep(t.Context(), []certificates.Site{site})
	if err != nil {
		t.Fatal(err)
	}
	return report.Sites[0]
}

func sweeper(t testing.TB, authority *probetest.Authority, names Names, lineages Lineages,
	ports sweeptest.Ports) *Sweeper {
	t.Helper()
	s, err := New(Sources{sweeptest.Prober(t, authority, ports, time.Second), names, lineages, sweeptest.NoWindows{}},
		certificates.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
