package sweep

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

const (
	// maxHung is after how many observations in a row without an answer an address is not asked
	// again in this sweep.
	maxHung = 3
	// placeTimeout is how long something that waits for an answer counts towards the limit of all.
	// So even many dead hosts or name servers cannot use up that limit.
	placeTimeout = time.Second
)

// traffic limits one sweep: so many observations in all, few at any one address, and none at an
// address that hangs. An observation waits for its address before it counts towards the limit of
// all, so those that wait for a slow address delay no others.
type traffic struct {
	all       chan struct{}
	questions chan struct{} // to name servers, which are asked before the observations
	perHost   int
	mu        sync.Mutex
	hosts     map[netip.Addr]*hostTraffic
}

// hostTraffic limits what goes to one address.
type hostTraffic struct {
	places chan struct{}
	mu     sync.Mutex
	hung   int               // observations in a row that got no answer
	kind   certificates.Kind // of the last of them
}

func newTraffic(all, perHost int) *traffic {
	return &traffic{
		all: make(chan struct{}, all), questions: make(chan struct{}, all), perHost: perHost,
		hosts: make(map[netip.Addr]*hostTraffic),
	}
}

func (t *traffic) host(address netip.Addr) *hostTraffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hosts[address] == nil {
		t.hosts[address] = &hostTraffic{places: make(chan struct{}, t.perHost)}
	}
	return t.hosts[address]
}

// enter takes a place and returns a function that gives it back. After placeTimeout it is given
// back anyway.
func enter(places chan struct{}) func() {
	places <- struct{}{}
	leave := sync.OnceFunc(func() { <-places })
	late := time.AfterFunc(placeTimeout, leave)
	return func() {
		late.Stop()
		leave()
	}
}

// question takes a place for asking name servers and returns a function that gives it back.
func (t *traffic) question() func() { return enter(t.questions) }

// observe calls the function when the limits allow it.
func (t *traffic) observe(ctx context.Context, at endpoint, observe func() observation) observation {
	host := t.host(at.address)
	host.places <- struct{}{}
	defer func() { <-host.places }()
	if kind, givenUp := host.isGivenUp(); givenUp || ctx.Err() != nil {
		return skipped(at, cmp.Or(kind, probe.Aborted))
	}
	defer enter(t.all)()
	seen := observe()
	host.record(seen)
	return seen
}

// isGivenUp reports whether the address is not asked again, and the kind of its last problem.
func (h *hostTraffic) isGivenUp() (certificates.Kind, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kind, h.hung >= maxHung
}

func (h *hostTraffic) record(seen observation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, problem := range seen.problems {
		switch problem.Kind {
		case probe.NoAnswer, probe.Silent, probe.EndlessHandshake:
			h.kind = problem.Kind
			h.hung++
			return
		}
	}
	h.hung = 0
}

// skipped is the observation of a name whose address hangs. Its fault is of the kind that other
// names have there: which of them are asked differs from sweep to sweep, and reminders should not.
func skipped(at endpoint, kind certificates.Kind) observation {
	problem := &probe.Problem{
		Kind: kind,
		Sentence: probe.Unicode(at.name) + " was not checked: " + at.address.String() +
			" does not answer for other names either",
	}
	return observation{
		Observation: certificates.Observation{Name: at.name, Address: at.address, Done: time.Now()},
		problems:    []*probe.Problem{problem},
	}
}
