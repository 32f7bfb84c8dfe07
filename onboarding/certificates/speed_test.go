package certificates

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// crowd is many sites, some to an address, each with its own certificate for the apex and www. Every answer takes the delay.
func crowd(t testing.TB, authority *probetest.Authority, ports [2]uint16, sites, perAddress int, delay time.Duration) ([]Site, zone) {
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
			Certificates:       certificates,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { time.Sleep(delay); return nil, nil },
		})
		probetest.HTTP(t, netip.AddrPortFrom(address, ports[0]).String(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(delay)
			http.Redirect(w, r, "https://"+r.Host+"/", http.StatusMovedPermanently)
		}))
	}
	return all, z
}

func TestDeadAndSlowNamesDelayNothingElse(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := reservedPorts(t)
	sites, z := crowd(t, authority, ports, 60, 4, 0)
	slow := []func(testing.TB, string) netip.AddrPort{probetest.Silent, probetest.Endless}
	for i, serve := range slow {
		address := netip.AddrFrom4([4]byte{127, 10, 0, byte(i + 1)})
		serve(t, netip.AddrPortFrom(address, ports[1]).String())
		for j := range 20 {
			site := Site{Domain: fmt.Sprintf("slow%d-%d.example", i, j), Names: []string{fmt.Sprintf("slow%d-%d.example", i, j)}}
			z.addresses[site.Domain] = []netip.Addr{address}
			sites = append([]Site{site}, sites...)
		}
	}
	s := sweeper(t, authority, z, disk{}, ports)
	const timeout = 3 * time.Second
	s.Prober = patientProber(t, authority, ports, timeout)
	s.config.Parallel, s.config.PerHost = 32, 4
	report, err := s.Sweep(t.Context(), sites)
	if err != nil {
		t.Fatal(err)
	}
	var healthy, hanging int
	for _, site := range report.Sites {
		for _, look := range site.Looks {
			if len(look.Serials) == 0 {
				hanging++
				continue
			}
			healthy++
			if after := look.Done.Sub(report.At); after >= timeout {
				t.Errorf("%s was done after %s: it waited for those that hang", look.Name, after)
			}
		}
	}
	if healthy != 120 || hanging != 40 {
		t.Errorf("%d healthy looks and %d that hang, want 120 and 40", healthy, hanging)
	}
	// Four at a time hang until the timeout, some of the next four as well, and the rest of each address is left out.
	if report.Took > 3*timeout {
		t.Errorf("the sweep took %s", report.Took)
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
			sites, z := crowd(b, authority, ports, 500, 5, delay)
			oneByOne := openssl(b, authority.RootFile(b), sites, z, ports[1])
			s := sweeper(b, authority, z, disk{}, ports)
			s.Prober = patientProber(b, authority, ports, 10*time.Second)
			b.ResetTimer()
			for b.Loop() {
				report, err := s.Sweep(b.Context(), sites)
				if err != nil || report.Severity() != Well {
					b.Fatal(err, report.Severity())
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
