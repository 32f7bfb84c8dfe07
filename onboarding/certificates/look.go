package certificates

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// look sees one name at one address as visitors do: over TLS, over TLS with only the other kind of key, and over plain HTTP.
func (s *Sweeper) look(ctx context.Context, name string, address netip.Addr) Look {
	seen := Look{Name: name, Address: address}
	began := time.Now()
	var plain sync.WaitGroup
	plain.Go(func() { seen.redirect, seen.skew = s.plain(ctx, name, address) })
	s.encrypted(ctx, &seen)
	plain.Wait()
	seen.Done, seen.Took = time.Now(), time.Since(began)
	return seen
}

func (s *Sweeper) encrypted(ctx context.Context, seen *Look) {
	handshake, err := s.Prober.TLS(ctx, seen.Name, seen.Address)
	if err != nil {
		seen.problems = append(seen.problems, asProblem(err))
		return
	}
	seen.add(handshake)
	seen.chain = handshake.Chain
	other, err := s.Prober.TLSWithKey(ctx, seen.Name, seen.Address, otherKey(handshake))
	if err == nil && !other.Leaf().Equal(handshake.Leaf()) {
		seen.add(other)
	}
}

// plain looks at the redirect, and at the server's clock beside this machine's.
func (s *Sweeper) plain(ctx context.Context, name string, address netip.Addr) (*probe.Problem, time.Duration) {
	var problem *probe.Problem
	response, err := s.Prober.Redirects(ctx, name, address)
	if err != nil {
		problem = asProblem(err)
	}
	at, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return problem, 0
	}
	return problem, at.Sub(time.Now().Truncate(time.Second)) // the header counts whole seconds
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
