package runbook

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// endpoint is one way to a site: a name at an address.
type endpoint struct {
	name    string
	address netip.Addr
}

// endpoints are all ways to the site.
func (s *site) endpoints() []endpoint {
	var list []endpoint
	for _, name := range s.names {
		for _, address := range s.addresses() {
			list = append(list, endpoint{name, address})
		}
	}
	return list
}

// everywhere checks all endpoints of a site at once and returns a failed finding for each that was
// bad, in a stable order.
func (s *site) everywhere(check func(endpoint) error) []onboarding.Finding {
	endpoints := s.endpoints()
	errs := make([]error, len(endpoints))
	var group sync.WaitGroup
	for i, at := range endpoints {
		group.Go(func() { errs[i] = check(at) })
	}
	group.Wait()
	var bad []onboarding.Finding
	for i, err := range errs {
		if err != nil {
			bad = append(bad, onboarding.Finding{Level: onboarding.Failed,
				Name: endpoints[i].name + " at " + endpoints[i].address.String(), Detail: err.Error()})
		}
	}
	return bad
}

// siteProber probes sites from outside, as visitors do.
type siteProber struct {
	prober *probe.Prober
	left   float64 // the share of its lifetime that a certificate must still have
}

// page returns nil if the site serves its page at an endpoint over HTTP, which may also be a
// redirect.
func (p siteProber) page(ctx context.Context, at endpoint) error {
	seen, err := p.prober.HTTP(ctx, at.name, at.address, "/")
	if err == nil && !seen.Up() {
		err = fmt.Errorf("http://%s at %s answers %d", at.name, at.address, seen.Status)
	}
	return err
}

// securePage is page over HTTPS.
func (p siteProber) securePage(ctx context.Context, at endpoint) error {
	seen, err := p.prober.HTTPS(ctx, at.name, at.address, "/")
	if err == nil && !seen.Up() {
		err = fmt.Errorf("https://%s at %s answers %d", at.name, at.address, seen.Status)
	}
	return err
}

// certificate returns the time until which the certificate is valid that visitors get at an
// endpoint. It returns an error if the certificate is not in order, must be renewed, or if HTTP
// does not redirect to HTTPS.
func (p siteProber) certificate(ctx context.Context, at endpoint) (time.Time, error) {
	seen, err := p.prober.TLS(ctx, at.name, at.address)
	if err != nil {
		return time.Time{}, err
	}
	if !seen.Verified() {
		return time.Time{}, seen.Problems[0]
	}
	leaf := seen.Leaf()
	lifetime, left := leaf.NotAfter.Sub(leaf.NotBefore), time.Until(leaf.NotAfter)
	if float64(left) < p.left*float64(lifetime) {
		return time.Time{}, fmt.Errorf("the certificate for %s is valid for %s more, less than the share of its "+
			"lifetime that "+
			"certificate.left asks for", at.name, left.Round(time.Minute))
	}
	_, err = p.prober.Redirects(ctx, at.name, at.address)
	return leaf.NotAfter, err
}
