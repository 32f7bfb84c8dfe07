package site

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Endpoint is one way to a site: a name at an address.
type Endpoint struct {
	Name    string
	Address netip.Addr
}

// Endpoints are all ways to the site.
func (s *Site) Endpoints() []Endpoint {
	var list []Endpoint
	for _, name := range s.Names {
		for _, address := range s.Addresses() {
			list = append(list, Endpoint{name, address})
		}
	}
	return list
}

// Everywhere checks all endpoints of a site at once and returns a failed finding for each that was
// bad, in a stable order.
func (s *Site) Everywhere(check func(Endpoint) error) []onboarding.Finding {
	endpoints := s.Endpoints()
	errs := make([]error, len(endpoints))
	var group routine.WaitGroup
	for i, at := range endpoints {
		group.Go(func() { errs[i] = routine.Call(func() error { return check(at) }) })
	}
	group.Wait()
	var bad []onboarding.Finding
	for i, err := range errs {
		if err != nil {
			bad = append(bad, onboarding.Finding{Level: onboarding.Failed,
				Name: endpoints[i].Name + " at " + endpoints[i].Address.String(), Detail: err.Error()})
		}
	}
	return bad
}

// Prober probes sites from outside, as visitors do.
type Prober struct {
	prober *probe.Prober
	left   float64 // the share of its lifetime that a certificate must still have
}

// NewProber returns a prober for which a certificate must have a share of its lifetime left.
func NewProber(prober *probe.Prober, left float64) Prober { return Prober{prober, left} }

// Page returns nil if the site serves its page at an endpoint over HTTP, which may also be a
// redirect, or behind a password.
func (p Prober) Page(ctx context.Context, at Endpoint) error {
	seen, err := p.prober.HTTP(ctx, at.Name, at.Address, "/")
	return checkPage("http", at, seen, err)
}

// SecurePage is [Prober.Page] over HTTPS.
func (p Prober) SecurePage(ctx context.Context, at Endpoint) error {
	seen, err := p.prober.HTTPS(ctx, at.Name, at.Address, "/")
	return checkPage("https", at, seen, err)
}

func checkPage(scheme string, at Endpoint, seen probe.Response, err error) error {
	if err == nil && !seen.Up() && !seen.AsksForPassword() {
		err = fmt.Errorf("%s://%s at %s answers %d", scheme, at.Name, at.Address, seen.Status)
	}
	return err
}

// Certificate returns when the certificate ends that visitors get at an endpoint. It returns an
// error if that certificate is not in order or must be renewed, or if HTTP does not redirect to
// HTTPS.
func (p Prober) Certificate(ctx context.Context, at Endpoint) (time.Time, error) {
	seen, err := p.prober.TLS(ctx, at.Name, at.Address)
	if err != nil {
		return time.Time{}, err
	}
	if !seen.Verified() {
		return time.Time{}, seen.Problems[0]
	}
	leaf := seen.Leaf()
	lifetime, left := leaf.NotAfter.Sub(leaf.NotBefore), time.Until(leaf.NotAfter)
	if float64(left) < p.left*float64(lifetime) {
		return time.Time{}, fmt.Errorf("the certificate for %s is valid for only %s, "+
			"less than the share of its lifetime in certificate.left", at.Name, left.Round(time.Minute))
	}
	_, err = p.prober.Redirects(ctx, at.Name, at.Address)
	return leaf.NotAfter, err
}
