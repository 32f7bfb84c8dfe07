package sweep

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// endpoint is one name at one address.
type endpoint struct {
	name    string
	address netip.Addr
}

// observation is what a visitor gets at an endpoint, with the details that a report does not keep.
type observation struct {
	certificates.Observation
	leaves   []*x509.Certificate // those of Serials
	chain    []*x509.Certificate // of the first
	problems []*probe.Problem    // with the connection or the certificates
	redirect *probe.Problem      // with plain HTTP
	skew     time.Duration       // the server's clock less this machine's
}

// observe connects to an endpoint as visitors do: over TLS, over TLS with only the other kind of
// key, and over plain HTTP.
func observe(ctx context.Context, prober *probe.Prober, at endpoint) observation {
	seen := observation{Observation: certificates.Observation{Name: at.name, Address: at.address}}
	began := time.Now()
	var plain routine.WaitGroup
	plain.Go(func() { seen.redirect, seen.skew = observeRedirect(ctx, prober, at) })
	seen.observeTLS(ctx, prober)
	plain.Wait()
	seen.Done, seen.Took = time.Now(), time.Since(began)
	return seen
}

func (o *observation) observeTLS(ctx context.Context, prober *probe.Prober) {
	handshake, err := prober.TLS(ctx, o.Name, o.Address)
	if err != nil {
		o.problems = append(o.problems, asProblem(err))
		return
	}
	o.add(handshake)
	o.chain = handshake.Chain
	other, err := prober.TLSWithKey(ctx, o.Name, o.Address, otherKey(handshake))
	if err == nil && !other.Leaf().Equal(handshake.Leaf()) {
		o.add(other)
	}
}

// observeRedirect returns what is wrong with the redirect to https, and how far the server's clock
// is ahead of this machine's.
func observeRedirect(ctx context.Context, prober *probe.Prober, at endpoint) (*probe.Problem, time.Duration) {
	var problem *probe.Problem
	response, err := prober.Redirects(ctx, at.name, at.address)
	if err != nil {
		problem = asProblem(err)
	}
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return problem, 0
	}
	return problem, date.Sub(time.Now().Truncate(time.Second)) // the header counts whole seconds
}

func (o *observation) add(handshake probe.Handshake) {
	o.leaves = append(o.leaves, handshake.Leaf())
	o.Serials = append(o.Serials, handshake.Leaf().SerialNumber.Text(16))
	o.problems = append(o.problems, handshake.Problems...)
}

func otherKey(handshake probe.Handshake) probe.KeyType {
	if probe.KeyTypeOf(handshake.Leaf()) == probe.RSA {
		return probe.ECDSA
	}
	return probe.RSA
}

func asProblem(err error) *probe.Problem {
	if problem, ok := errors.AsType[*probe.Problem](err); ok {
		return problem
	}
	return &probe.Problem{Kind: probe.BadAnswer, Sentence: err.Error()}
}

// compareObservations sorts by name, the apex before its subdomains, and then by address.
func compareObservations(a, b observation) int {
	return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), strings.Compare(a.Name, b.Name), a.Address.Compare(b.Address))
}
