package sweep

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep/sweeptest"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// crowd serves many sites, several at an address, each with its own certificate for the apex and
// www. It calls asked before each answer.
func crowd(t testing.TB, authority *probetest.Authority, ports sweeptest.Ports, sites, perAddress int,
	asked func(how, name string)) ([]certificates.Site, sweeptest.Zone) {
	t.Helper()
	var all []certificates.Site
	z := sweeptest.Zone{Authoritative: map[string][]netip.Addr{}}
	served := map[string]*tls.Certificate{}
	addresses := map[netip.Addr]bool{}
	for i := range sites {
		host := i / perAddress
		address := netip.AddrFrom4([4]byte{127, 9, byte(host / 250), byte(host%250 + 1)})
		site, err := certificates.Site{Domain: fmt.Sprintf("provider%d.example", i)}.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		certificate := authority.Issue(t, probetest.Order{Names: site.Names})
		for _, name := range site.Names {
			z.Authoritative[name] = []netip.Addr{address}
			served[name] = &certificate
		}
		all = append(all, site)
		addresses[address] = true
	}
	for address := range addresses {
		probetest.TLSFunc(t, netip.AddrPortFrom(address, ports.HTTPS).String(), &tls.Config{
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				asked("https", hello.ServerName)
				return served[hello.ServerName], nil
			},
		})
		probetest.HTTP(t, netip.AddrPortFrom(address, ports.HTTP).String(),
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked("http", r.Host)
				http.Redirect(w, r, "https://"+r.Host+"/", http.StatusMovedPermanently)
			}))
	}
	return all, z
}

// hangingSites serves sites that hang until the channel is closed: some at an address that accepts
// connections and never answers, as many at one that begins a handshake and never ends it.
func hangingSites(t testing.TB, z sweeptest.Zone, ports sweeptest.Ports, each int,
	release <-chan struct{}) (sites []certificates.Site) {
	t.Helper()
	for i, beginning := range []string{"", "\x16\x03\x03\x40\x00\x02\x00"} {
		// nothing, or the first octets of a handshake
		address := netip.AddrFrom4([4]byte{127, 10, 0, byte(i + 1)})
		probetest.Listen(t, netip.AddrPortFrom(address, ports.HTTPS).String(), func(conn net.Conn) {
			_, _ = io.WriteString(conn, beginning)
			<-release
		})
		for j := range each {
			name := fmt.Sprintf("slow%d-%d.example", i, j)
			z.Authoritative[name] = []netip.Addr{address}
			sites = append(sites, certificates.Site{Domain: name, Names: []string{name}})
		}
	}
	return sites
}

// TestDeadAndSlowNamesDelayNothingElse has names that hang until every healthy name was observed.
// If a healthy name waited for one that hangs, the sweep would not end before the timeout.
func TestDeadAndSlowNamesDelayNothingElse(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := sweeptest.ReservePorts(t)
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
	sites = append(hangingSites(t, z, ports, hangs/2, release), sites...)
	s := sweeper(t, authority, z, sweeptest.Disk{}, ports)
	const timeout = time.Minute
	s.sources.Prober = sweeptest.Prober(t, authority, ports, timeout)
	s.config.Parallel, s.config.PerHost = 8, 4 // those that hang take every place at first
	report, err := s.Sweep(t.Context(), sites)
	if err != nil {
		t.Fatal(err)
	}
	looks := map[certificates.Severity]int{}
	for _, site := range report.Sites {
		looks[site.Severity] += len(site.Observations)
	}
	if want := map[certificates.Severity]int{certificates.Healthy: healthy,
		certificates.Critical: hangs}; !maps.Equal(looks, want) || report.Took >= timeout {
		t.Errorf("looks by severity: %v, want %v, after %s", looks, want, report.Took)
	}
}

// TestHangingHostsAreLeftOut has an address that hangs, which is asked three times.
func TestHangingHostsAreLeftOut(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := sweeptest.ReservePorts(t)
	address := netip.MustParseAddr("127.12.0.1")
	probetest.Silent(t, netip.AddrPortFrom(address, ports.HTTPS).String())
	z := sweeptest.Zone{Authoritative: map[string][]netip.Addr{}}
	var sites []certificates.Site
	for i := range 20 {
		name := fmt.Sprintf("slow%d.example", i)
		z.Authoritative[name] = []netip.Addr{address}
		sites = append(sites, certificates.Site{Domain: name, Names: []string{name}})
	}
	s := sweeper(t, authority, z, sweeptest.Disk{}, ports)
	s.sources.Prober = sweeptest.Prober(t, authority, ports, 100*time.Millisecond)
	s.config.PerHost = 1
	report, err := s.Sweep(t.Context(), sites)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for _, site := range report.Sites {
		first := site.Faults[0]
		said[fmt.Sprintf("%s, left out: %v", first.Kind, strings.Contains(first.Sentence, "was not checked"))]++
	}
	if want := map[string]int{"silent, left out: false": 3, "silent, left out: true": 17}; !maps.Equal(said, want) {
		t.Errorf("faults: %v, want %v", said, want)
	}
}

// BenchmarkSweep compares a sweep of 1,000 names with one openssl s_client after another for the
// same names: with servers that answer at once, so only computing counts; with servers that take
// 20 ms to answer, like one in the next country; with all sites on one such server; and with two
// more names, one that is dead and one whose handshake never ends, which openssl need not ask. The
// time is until the last healthy name was observed. A sweep does more: it also tries the other
// kind of key, and plain HTTP. Each sweep starts without known chains, as after a start of the
// program.
//
// On a machine with few cores the servers compete with the sweep, but not with openssl, which
// leaves the other cores idle. So the benchmark also reports the processor time of clients and
// servers together.
//
//	go test -run '^$' -bench Sweep -benchtime 1x ./onboarding/certificates/sweep
func BenchmarkSweep(b *testing.B) {
	for _, bench := range []struct {
		name       string
		delay      time.Duration
		perAddress int
		hangs      bool
	}{
		{"at once", 0, 5, false},
		{"after 20ms", 20 * time.Millisecond, 5, false},
		{"on one host", 20 * time.Millisecond, 500, false},
		{"beside names that hang", 20 * time.Millisecond, 5, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			authority := probetest.NewAuthority(b, "Trusted")
			ports := sweeptest.ReservePorts(b)
			healthy, z := crowd(b, authority, ports, 500, bench.perAddress,
				func(string, string) { time.Sleep(bench.delay) })
			sites := healthy
			if bench.hangs {
				sites = append(hangingSites(b, z, ports, 1, b.Context().Done()), healthy...)
			}
			alone := processorTime()
			oneByOne := openssl(b, authority.RootFile(b), healthy, z, ports.HTTPS)
			alone = processorTime() - alone
			s := sweeper(b, authority, z, sweeptest.Disk{}, ports)
			var took, busy time.Duration
			for b.Loop() {
				s.sources.Prober = sweeptest.Prober(b, authority, ports, 10*time.Second)
				before := processorTime()
				report, err := s.Sweep(b.Context(), sites)
				if err != nil {
					b.Fatal(err)
				}
				busy += processorTime() - before
				took += lastHealthy(b, report, len(healthy)).Sub(report.At)
			}
			took, busy = took/time.Duration(b.N), busy/time.Duration(b.N)
			b.ReportMetric(0, "ns/op") // which would count what hangs
			b.ReportMetric(oneByOne.Seconds(), "openssl-s")
			b.ReportMetric(alone.Seconds(), "openssl-cpu-s")
			b.ReportMetric(took.Seconds(), "sweep-s")
			b.ReportMetric(busy.Seconds(), "sweep-cpu-s")
			b.ReportMetric(oneByOne.Seconds()/took.Seconds(), "times-faster")
		})
	}
}

// lastHealthy returns when the last healthy site was observed. There must be as many as wanted.
func lastHealthy(b *testing.B, report certificates.Report, want int) (last time.Time) {
	b.Helper()
	healthy := 0
	for _, site := range report.Sites {
		if site.Severity != certificates.Healthy {
			continue
		}
		healthy++
		for _, look := range site.Observations {
			if look.Done.After(last) {
				last = look.Done
			}
		}
	}
	if healthy != want {
		b.Fatalf("%d sites are well, want %d; the worst: %+v", healthy, want, report.Sites[0].Faults)
	}
	return last
}

// processorTime is the processor time so far of this process, which includes the servers, and of
// the programs that it ran and that have ended.
func processorTime() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err == nil {
			sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	return sum
}

// openssl connects to one name after another and returns how long that took.
func openssl(b *testing.B, roots string, sites []certificates.Site, z sweeptest.Zone, port uint16) time.Duration {
	b.Helper()
	began := time.Now()
	for _, site := range sites {
		for _, name := range site.Names {
			out, err := exec.Command("openssl", "s_client", "-connect",
				netip.AddrPortFrom(z.Authoritative[name][0], port).String(),
				"-servername", name, "-verify_hostname", name, "-verify_return_error", "-CAfile",
				roots).CombinedOutput()
			if err != nil {
				b.Fatalf("%s: %v: %s", name, err, out)
			}
		}
	}
	return time.Since(began)
}
