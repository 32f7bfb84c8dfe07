package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// zone is name servers' and resolver's answers: name to addresses, and for the resolver what differs.
type zone struct {
	addresses map[string][]netip.Addr
	cached    map[string][]netip.Addr
}

var errSERVFAIL = errors.New("no usable answer for broken.example: ns1.broken.example reports a failure of its own")

func (z zone) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if strings.HasSuffix(name, "broken.example") {
		return nil, errSERVFAIL
	}
	return z.addresses[name], nil
}

func (z zone) Cached(_ context.Context, name string) ([]netip.Addr, error) {
	if lie, ok := z.cached[name]; ok {
		return lie, nil
	}
	return z.addresses[name], nil
}

// disk is what certbot has, by host.
type disk map[string][]Lineage

func (d disk) Lineages(_ context.Context, host string) ([]Lineage, error) {
	if lineages, ok := d[host]; ok {
		return lineages, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrNoHost, host)
}

type noWindows struct{}

func (noWindows) Window(context.Context, string, *x509.Certificate) (*Window, error) { return nil, nil }

func ip(last int) netip.Addr { return netip.AddrFrom4([4]byte{127, 7, 0, byte(last)}) }

// serveSite serves certificates, and beside them the redirect that certbot makes, at one address and the two ports.
func serveSite(t testing.TB, address netip.Addr, ports [2]uint16, certificates ...tls.Certificate) {
	t.Helper()
	probetest.TLS(t, netip.AddrPortFrom(address, ports[1]).String(), certificates...)
	serveRedirect(t, address, ports, 0)
}

func serveRedirect(t testing.TB, address netip.Addr, ports [2]uint16, skew time.Duration) {
	t.Helper()
	probetest.HTTP(t, netip.AddrPortFrom(address, ports[0]).String(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
		http.Redirect(w, r, "https://"+r.Host+"/", http.StatusMovedPermanently)
	}))
}

func lineage(name string, leaf tls.Certificate) Lineage {
	return Lineage{Name: name, Certificate: describe(leaf.Leaf)}
}

func TestSweepTellsBadConditionsApart(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := reservedPorts(t)
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	issue := func(order probetest.Order) tls.Certificate { return authority.Issue(t, order) }
	const month = 30 * days
	good := issue(probetest.Order{Names: []string{"good.example"}})
	both := []tls.Certificate{issue(probetest.Order{Names: []string{"both.example"}}), issue(probetest.Order{Names: []string{"both.example"}, RSA: true, NotBefore: in(-3 * month), NotAfter: in(-aDay)})}
	idn := issue(probetest.Order{Names: []string{"xn--bcher-kva.example"}})
	served := issue(probetest.Order{Names: []string{"stale.example"}, NotBefore: in(-2 * month), NotAfter: in(month)})
	renewed := issue(probetest.Order{Names: []string{"stale.example"}})
	foreign := issue(probetest.Order{Names: []string{"foreign.example"}})
	foreignOnDisk := issue(probetest.Order{Names: []string{"foreign.example"}, NotBefore: in(-month)})
	aging := issue(probetest.Order{Names: []string{"aging.example"}, NotBefore: in(-70 * days), NotAfter: in(20 * days)})
	incomplete := issue(probetest.Order{Names: []string{"incomplete.example"}})
	incomplete.Certificate = incomplete.Certificate[:1]
	wrong := issue(probetest.Order{Names: []string{"other.example"}})
	soon := issue(probetest.Order{Names: []string{"soon.example"}, NotBefore: in(2 * time.Hour)})
	expired := issue(probetest.Order{Names: []string{"expired.example"}, NotBefore: in(-3 * month), NotAfter: in(-aDay)})
	date := func(c tls.Certificate, end bool) string {
		if end {
			return day(c.Leaf.NotAfter)
		}
		return day(c.Leaf.NotBefore)
	}

	z := zone{addresses: map[string][]netip.Addr{}, cached: map[string][]netip.Addr{}}
	onDisk := disk{"vps": {lineage("good.example", good), lineage("both.example", both[0]), lineage("stale.example", renewed), lineage("foreign.example", foreignOnDisk)}}
	for i, test := range []struct {
		domain string
		at     []netip.Addr // default one of its own
		serve  func(address netip.Addr)
		edit   func(*Site)
		want   string // severity, then a fault a line; ADDRESS for the address
	}{
		{domain: "good.example", serve: func(a netip.Addr) { serveSite(t, a, ports, good) }, edit: func(s *Site) { s.Host = "vps" }, want: "well"},
		{domain: "bücher.example", serve: func(a netip.Addr) { serveSite(t, a, ports, idn) }, edit: func(s *Site) { s.Host = "vps" },
			want: "attention\nunknown to certbot: certbot on vps has no certificate for bücher.example, so nothing renews it"},
		{domain: "nothing.example", at: []netip.Addr{}, want: "urgent\nno address: nothing.example has no address in DNS"},
		{domain: "broken.example", at: []netip.Addr{}, want: "could not look\nno name server: could not find out where visitors of broken.example land: " + errSERVFAIL.Error()},
		{domain: "refused.example", want: "urgent\nrefused: ADDRESS refuses connections for refused.example: nothing listens on port HTTPS"},
		{domain: "silent.example", serve: func(a netip.Addr) { probetest.Silent(t, netip.AddrPortFrom(a, ports[1]).String()) },
			want: "urgent\nsilent: ADDRESS:HTTPS takes the connection for silent.example and then says nothing"},
		{domain: "endless.example", serve: func(a netip.Addr) { probetest.Endless(t, netip.AddrPortFrom(a, ports[1]).String()) },
			want: "urgent\nendless handshake: ADDRESS:HTTPS begins a handshake for endless.example and never ends it"},
		{domain: "wrong.example", serve: func(a netip.Addr) { serveSite(t, a, ports, wrong) }, want: "urgent\nwrong name: the certificate shown for wrong.example is for other.example"},
		{domain: "selfsigned.example", serve: func(a netip.Addr) {
			serveSite(t, a, ports, probetest.SelfSigned(t, probetest.Order{Names: []string{"selfsigned.example"}}))
		}, want: "urgent\nself-signed: the certificate for selfsigned.example is signed by itself, not by an authority"},
		{domain: "expired.example", serve: func(a netip.Addr) { serveSite(t, a, ports, expired) }, want: "urgent\nexpired: the certificate for expired.example expired on " + date(expired, true)},
		{domain: "incomplete.example", serve: func(a netip.Addr) { serveSite(t, a, ports, incomplete) },
			want: "urgent\nincomplete chain: the server for incomplete.example does not send the certificate of its issuer, CN=Trusted intermediate: the chain is incomplete, or the issuer is not trusted"},
		{domain: "soon.example", serve: func(a netip.Addr) { serveSite(t, a, ports, soon) },
			want: "urgent\nnot yet valid: the certificate for soon.example is not valid before " + date(soon, false) + ": either it was installed too early or this machine's clock is slow"},
		{domain: "skewed.example", serve: func(a netip.Addr) {
			probetest.TLS(t, netip.AddrPortFrom(a, ports[1]).String(), issue(probetest.Order{Names: []string{"skewed.example"}}))
			serveRedirect(t, a, ports, 2*time.Hour)
		}, want: "attention\nclock skew: the clocks of ADDRESS and of this machine differ by 120 minutes: one of them is wrong, and validity is judged by this machine's"},
		{domain: "both.example", serve: func(a netip.Addr) { serveSite(t, a, ports, both...) }, edit: func(s *Site) { s.Host = "vps" },
			want: "urgent\nexpired: the certificate for both.example expired on " + date(both[1], true) + "\nnot certbot's: visitors of both.example at ADDRESS get a certificate that certbot on vps does not have"},
		{domain: "plain.example", serve: func(a netip.Addr) {
			probetest.TLS(t, netip.AddrPortFrom(a, ports[1]).String(), issue(probetest.Order{Names: []string{"plain.example"}}))
			probetest.HTTP(t, netip.AddrPortFrom(a, ports[0]).String(), http.NotFoundHandler())
		}, want: "attention\nbad redirect: http://plain.example at ADDRESS:HTTP answers 404 instead of a permanent redirect to https"},
		{domain: "stale.example", serve: func(a netip.Addr) { serveSite(t, a, ports, served) }, edit: func(s *Site) { s.Host = "vps" },
			want: "attention\nnot reloaded: renewed but not reloaded: visitors of stale.example at ADDRESS still get the certificate until " + date(served, true) + ", while vps has one until " + date(renewed, true) + " on disk: reload nginx there"},
		{domain: "foreign.example", serve: func(a netip.Addr) { serveSite(t, a, ports, foreign) }, edit: func(s *Site) { s.Host = "vps" },
			want: "attention\nnot certbot's: visitors of foreign.example at ADDRESS get a certificate that certbot on vps does not have"},
		{domain: "aging.example", serve: func(a netip.Addr) { serveSite(t, a, ports, aging) }, want: "attention\nrenewal late: the certificate of aging.example should have been renewed by " + day(aging.Leaf.NotAfter.Add(-aging.Leaf.NotAfter.Sub(aging.Leaf.NotBefore)/3)) + " and was not"},
		{domain: "nohost.example", serve: func(a netip.Addr) { serveSite(t, a, ports, issue(probetest.Order{Names: []string{"nohost.example"}})) }, edit: func(s *Site) { s.Host = "gone" },
			want: `could not look` + "\n" + `host silent: could not see what certbot has for nohost.example: no such host: "gone"`},
		{domain: "lied.example", serve: func(a netip.Addr) { serveSite(t, a, ports, issue(probetest.Order{Names: []string{"lied.example"}})) },
			edit: func(s *Site) { z.cached["lied.example"] = []netip.Addr{netip.MustParseAddr("198.51.100.66")} },
			want: "attention\nresolver disagrees: this machine's resolver leads visitors of lied.example to 198.51.100.66, while the domain's own name servers say ADDRESS: it is out of date or it lies"},
		{domain: "moved.example", serve: func(a netip.Addr) { serveSite(t, a, ports, issue(probetest.Order{Names: []string{"moved.example"}})) },
			edit: func(s *Site) {
				serveSite(t, ip(200), ports, issue(probetest.Order{Names: []string{"moved.example"}}))
				s.Addresses = []netip.Addr{ip(200)}
			},
			want: "urgent\nDNS elsewhere: DNS leads visitors of moved.example to ADDRESS, but the site is at 127.7.0.200\n" +
				"differs by address: visitors of moved.example get one certificate at ADDRESS and another at 127.7.0.200"},
	} {
		t.Run(test.domain, func(t *testing.T) {
			address := ip(i + 1)
			site := Site{Domain: test.domain, Names: []string{test.domain}}
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
			z.addresses[site.Domain] = test.at
			report := sweepOne(t, authority, z, onDisk, ports, site)
			got := report.Severity.String()
			for _, fault := range report.Faults {
				got += "\n" + string(fault.Kind) + ": " + fault.Sentence
			}
			got = strings.NewReplacer(fmt.Sprintf("%s:%d", address, ports[0]), "ADDRESS:HTTP", fmt.Sprintf("%s:%d", address, ports[1]), "ADDRESS:HTTPS",
				address.String(), "ADDRESS", fmt.Sprintf("port %d", ports[1]), "port HTTPS").Replace(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const aDay = 24 * time.Hour

// reservedPorts are two that nothing listens on at any address, outside the range from which others get theirs by chance.
func reservedPorts(t testing.TB) [2]uint16 {
	t.Helper()
	var ports [2]uint16
	for i := 0; i < len(ports); {
		port := uint16(20000 + rand.IntN(12000))
		listener, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			continue
		}
		defer listener.Close()
		ports[i] = port
		i++
	}
	return ports
}

func sweepOne(t *testing.T, authority *probetest.Authority, names Names, lineages Lineages, ports [2]uint16, site Site) SiteReport {
	t.Helper()
	report, err := sweeper(t, authority, names, lineages, ports).Sweep(t.Context(), []Site{site})
	if err != nil {
		t.Fatal(err)
	}
	return report.Sites[0]
}

func sweeper(t testing.TB, authority *probetest.Authority, names Names, lineages Lineages, ports [2]uint16) *Sweeper {
	t.Helper()
	s, err := NewSweeper(Sources{patientProber(t, authority, ports, time.Second), names, lineages, noWindows{}}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func patientProber(t testing.TB, authority *probetest.Authority, ports [2]uint16, timeout time.Duration) *probe.Prober {
	t.Helper()
	prober, err := probe.New(probe.Config{RootsFiles: []string{authority.RootFile(t)}, HTTPPort: ports[0], HTTPSPort: ports[1], Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return prober
}
