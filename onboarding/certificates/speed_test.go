package certificates

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// crowd is many sites, some to an address, each with its own certificate for the apex and www. Before each answer, asked hears of it.
func crowd(t testing.TB, authority *probetest.Authority, ports [2]uint16, sites, perAddress int, asked func(how, name string)) ([]Site, zone) {
	t.Helper()
	var all []Site
	z := zone{addresses: map[string][]netip.Addr{}}
	served := map[netip.Addr][]tls.Certificate{}
	for i := range sites {
		host := i / perAddress
		address := netip.AddrFrom4([4]byte{127, 9, byte(host / 250), byte(host%250 + 1)})
		site, err := Site{Domain: fmt.Sprintf("provider%d.example", i)}.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range site.Names {
			z.addresses[name] = []netip.Addr{address}
		}
		all = append(all, site)
		served[address] = append(served[address], authority.Issue(t, probetest.Order{Names: site.Names}))
	}
	for address, certificates := range served {
		probetest.TLSFunc(t, netip.AddrPortFrom(address, ports[1]).String(), &tls.Config{
			Certificates: certificates,
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				asked("https", hello.ServerName)
				return nil, nil
			},
		})
		probetest.HTTP(t, netip.AddrPortFrom(address, ports[0]).String(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked("http", r.Host)
			http.Redirect(w, r, "https://"+r.Host+"/", http.StatusMovedPermanently)
		}))
	}
	return all, z
}

// TestDeadAndSlowNamesDelayNothingElse has names that hang until every healthy name was looked at: were one of these to wait for one of
// those, the sweep would not end before the timeout.
func TestDeadAndSlowNamesDelayNothingElse(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := reservedPorts(t)
	const healthy, hangs = 120, 40
	var mu sync.Mutex
	asked, release := map[string]bool{}, make(chan struct{})
	sites, z := crowd(t, authority, ports, healthy/2, 4, func(how, name string) {
		mu.Lock()
		defer mu.Unlock()
		if asked[how+name] = true; len(asked) == 2*healthy {
			select {
			case <-release:
			default:
				close(release)
			}
		}
	})
	for i, beginning := range []string{"", "\x16\x03\x03\x40\x00\x02\x00"} { // nothing, or the first octets of a handshake
		address := netip.AddrFrom4([4]byte{127, 10, 0, byte(i + 1)})
		probetest.Listen(t, netip.AddrPortFrom(address, ports[1]).String(), func(conn net.Conn) {
			_, _ = io.WriteString(conn, beginning)
			<-release
		})
		for j := range hangs / 2 {
			site := Site{Domain: fmt.Sprintf("slow%d-%d.example", i, j), Names: []string{fmt.Sprintf("slow%d-%d.example", i, j)}}
			z.addresses[site.Domain] = []netip.Addr{address}
			sites = append([]Site{site}, sites...)
		}
	}
	s := sweeper(t, authority, z, disk{}, ports)
	const timeout = time.Minute
	s.Prober = patientProber(t, authority, ports, timeout)
	s.config.Parallel, s.config.PerHost = 8, 4 // those that hang take every place at first
	report, err := s.Sweep(t.Context(), sites)
	if err != nil {
		t.Fatal(err)
	}
	looks := map[Severity]int{}
	for _, site := range report.Sites {
		looks[site.Severity] += len(site.Looks)
	}
	if want := map[Severity]int{Well: healthy, Critical: hangs}; !maps.Equal(looks, want) || report.Took >= timeout {
		t.Errorf("looks by severity: %v, want %v, after %s", looks, want, report.Took)
	}
}

// TestHangingHostsAreLeftOut looks at an address until it has hung three times in a row.
func TestHangingHostsAreLeftOut(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := reservedPorts(t)
	address := netip.MustParseAddr("127.12.0.1")
	probetest.Silent(t, netip.AddrPortFrom(address, ports[1]).String())
	z := zone{addresses: map[string][]netip.Addr{}}
	var sites []Site
	for i := range 20 {
		name := fmt.Sprintf("slow%d.example", i)
		z.addresses[name] = []netip.Addr{address}
		sites = append(sites, Site{Domain: name, Names: []string{name}})
	}
	s := sweeper(t, authority, z, disk{}, ports)
	s.Prober = patientProber(t, authority, ports, 100*time.Millisecond)
	s.config.PerHost = 1
	report, err := s.Sweep(t.Context(), sites)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[Kind]int{}
	for _, site := range report.Sites {
		kinds[site.Faults[0].Kind]++
	}
	if want := map[Kind]int{"silent": 3, LeftOut: 17}; !maps.Equal(kinds, want) {
		t.Errorf("faults: %v, want %v", kinds, want)
	}
}

// BenchmarkSweep prints how much faster a sweep of 1,000 names is than one openssl s_client after another on the same names, with
// servers that answer at once, where both only compute, and with servers that take 20 ms to answer, as one in the next country. A sweep does more: it also tries the other
// kind of key and plain HTTP.
//
//	go test -run '^$' -bench Sweep -benchtime 5x ./onboarding/certificates
func BenchmarkSweep(b *testing.B) {
	for _, delay := range []time.Duration{0, 20 * time.Millisecond} {
		b.Run(delay.String(), func(b *testing.B) {
			authority := probetest.NewAuthority(b, "Trusted")
			ports := reservedPorts(b)
			sites, z := crowd(b, authority, ports, 500, 5, func(string, string) { time.Sleep(delay) })
			oneByOne := openssl(b, authority.RootFile(b), sites, z, ports[1])
			s := sweeper(b, authority, z, disk{}, ports)
			s.Prober = patientProber(b, authority, ports, 10*time.Second)
			b.ResetTimer()
			for b.Loop() {
				report, err := s.Sweep(b.Context(), sites)
				if err != nil || report.Severity() != Well {
					b.Fatalf("error %v, %s: %+v", err, report.Severity(), report.Sites[0].Faults)
				}
			}
			sweep := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(oneByOne.Seconds(), "openssl-s")
			b.ReportMetric(oneByOne.Seconds()/sweep.Seconds(), "times-faster")
		})
	}
}

// openssl looks at one name after another and returns how long that took.
func openssl(b *testing.B, roots string, sites []Site, z zone, port uint16) time.Duration {
	b.Helper()
	began := time.Now()
	for _, site := range sites {
		for _, name := range site.Names {
			out, err := exec.Command("openssl", "s_client", "-connect", netip.AddrPortFrom(z.addresses[name][0], port).String(),
				"-servername", name, "-verify_hostname", name, "-verify_return_error", "-CAfile", roots).CombinedOutput()
			if err != nil {
				b.Fatalf("%s: %v: %s", name, err, out)
			}
		}
	}
	return time.Since(began)
}
