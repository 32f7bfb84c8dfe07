package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/acme"
	"github.com/atlilith/onboardbot/internal/sandbox/dns"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// acmePort is the port of the first ACME server. Each server uses two ports.
const acmePort = 14000

// StartAuthority runs an ACME server whose certificates are valid for a lifetime (zero: 90 days),
// and adds its root to [World.Roots]. A world starts with one; a test that needs certificates that
// expire soon starts another, and tells a VPS of its directory or certbot by --server. It ends
// with the world.
func (w *World) StartAuthority(ctx context.Context, lifetime time.Duration) (*acme.Server, error) {
	w.mu.Lock()
	n := w.acmes
	w.acmes++
	w.mu.Unlock()
	server, err := acme.Start(ctx, acme.Config{
		Dir:          w.path(fmt.Sprintf("acme-%d", n)),
		Host:         "acme." + dns.InfrastructureZone,
		Address:      acmeAddress,
		Port:         acmePort + 2*n,
		Resolver:     namespace.Resolver + ":53",
		Lifetime:     lifetime,
		RejectNonces: w.config.RejectNonces,
		Endpoint:     w.authority,
	})
	if err != nil {
		return nil, err
	}
	root, err := server.Root(ctx)
	if err != nil {
		server.Daemon().Kill()
		return nil, err
	}
	w.closing(server.Daemon().Kill)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.roots == nil {
		w.roots = w.authority.PEM()
	}
	w.roots = append(w.roots, root...)
	return server, os.WriteFile(w.Roots, w.roots, 0o644)
}

// Client returns an HTTP client that trusts only the world's roots and follows no redirects.
func (w *World) Client() (*http.Client, error) {
	pem, err := os.ReadFile(w.Roots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(w.Roots + " holds no certificate")
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}, nil
}
