// Package sweeptest has what tests of certificates need: sites that are served on this machine,
// and a sweeper that finds them.
package sweeptest

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

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// Zone is what name servers and the resolver answer, by name.
type Zone struct {
	Authoritative map[string][]netip.Addr
	Resolver      map[string][]netip.Addr // where it differs
}

// ErrServFail is the answer of the name servers of broken.example.
var ErrServFail = errors.New("no usable answer for broken.example: ns1.broken.example reports a failure of its own")

// Addresses implements sweep.Names.
func (z Zone) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if strings.HasSuffix(name, "broken.example") {
		return nil, ErrServFail
	}
	return z.Authoritative[name], nil
}

// Cached implements sweep.Names.
func (z Zone) Cached(_ context.Context, name string) ([]netip.Addr, error) {
	if other, ok := z.Resolver[name]; ok {
		return other, nil
	}
	return z.Authoritative[name], nil
}

// Disk is what certbot has, by host.
type Disk map[string][]certificates.Lineage

// Lineages implements sweep.Lineages.
func (d Disk) Lineages(_ context.Context, host string) ([]certificates.Lineage, error) {
	if lineages, ok := d[host]; ok {
		return lineages, nil
	}
	return nil, fmt.Errorf("%w: %q", certbot.ErrNoHost, host)
}

// Lineage is a lineage with a certificate.
func Lineage(name string, certificate tls.Certificate) certificates.Lineage {
	return certificates.Lineage{Name: name, Certificate: certificates.FromX509(certificate.Leaf)}
}

// NoWindows is an authority that suggests nothing.
type NoWindows struct{}

// Window implements sweep.Windows.
func (NoWindows) Window(context.Context, string, *x509.Certificate) (*certificates.Window, error) {
	return nil, nil
}

// Ports are those of HTTP and HTTPS.
type Ports struct{ HTTP, HTTPS uint16 }

// ReservePorts returns two ports on which nothing listens at any address, outside the range of
// ephemeral ports.
func ReservePorts(t testing.TB) Ports {
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
	return Ports{ports[0], ports[1]}
}

// Serve serves certificates, and the redirect that certbot configures, at an address.
func Serve(t testing.TB, address netip.Addr, ports Ports, certificates ...tls.Certificate) {
	t.Helper()
	probetest.TLS(t, netip.AddrPortFrom(address, ports.HTTPS).String(), certificates...)
	ServeRedirect(t, address, ports, 0)
}

// ServeRedirect serves the redirect alone, by a clock that is ahead by skew.
func ServeRedirect(t testing.TB, address netip.Addr, ports Ports, skew time.Duration) {
	t.Helper()
	probetest.HTTP(t, netip.AddrPortFrom(address, ports.HTTP).String(),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
			http.Redirect(w, r, "https://"+r.Host+"/", http.StatusMovedPermanently)
		}))
}

// Prober returns a prober that trusts an authority and connects to the ports.
func Prober(t testing.TB, authority *probetest.Authority, ports Ports, timeout time.Duration) *probe.Prober {
	t.Helper()
	prober, err := probe.New(probe.Config{
		RootsFiles: []string{authority.RootFile(t)}, HTTPPort: ports.HTTP, HTTPSPort: ports.HTTPS, Timeout: timeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	return prober
}
