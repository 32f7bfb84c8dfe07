package certificates

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// look sees one name at one address as visitors do: over TLS, over TLS with only the other kind of key, and over plain HTTP.
func (s *Sweeper) look(ctx context.Context, name string, address netip.Addr) (seen Look) {
	seen = Look{Name: name, Address: address}
	began := time.Now()
	defer func() { seen.Done, seen.Took = time.Now(), time.Since(began) }()
	handshake, err := s.Prober.TLS(ctx, name, address)
	if err != nil {
		seen.problems = append(seen.problems, asProblem(err))
	} else {
		seen.add(handshake)
		seen.chain = handshake.Chain
		if other, err := s.Prober.TLSWithKey(ctx, name, address, otherKey(handshake)); err == nil && !other.Leaf().Equal(handshake.Leaf()) {
			seen.add(other)
		}
	}
	if hung(seen) {
		return seen
	}
	response, err := s.Prober.Redirects(ctx, name, address)
	if err != nil {
		seen.redirect = asProblem(err)
	}
	if at, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		// The header counts whole seconds.
		seen.skew = at.Sub(time.Now().Truncate(time.Second))
	}
	return seen
}

func (l *Look) add(handshake probe.Handshake) {
	l.leaves = append(l.leaves, handshake.Leaf())
	l.Serials = append(l.Serials, handshake.Leaf().SerialNumber.Text(16))
	l.problems = append(l.problems, handshake.Problems...)
}

func otherKey(handshake probe.Handshake) probe.KeyType {
	if probe.KeyTypeOf(handshake.Leaf()) == probe.RSA {
		return probe.ECDSA
	}
	return probe.RSA
}

func asProblem(err error) *probe.Problem {
	if problem := (*probe.Problem)(nil); errors.As(err, &problem) {
		return problem
	}
	return &probe.Problem{Kind: probe.BadAnswer, Sentence: err.Error()}
}

func compareLooks(a, b Look) int {
	return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), strings.Compare(a.Name, b.Name), a.Address.Compare(b.Address))
}
