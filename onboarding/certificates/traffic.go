package certificates

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// hanging is after how many looks in a row that end in no answer an address is asked no more in this sweep.
const hanging = 3

// traffic bounds one sweep: so many looks in all, few at any one address, none at one that hangs. A look first waits for its address
// and only then takes one of the places in all, so that those who wait for a slow address hold up nobody.
type traffic struct {
	all       chan struct{}
	questions chan struct{} // to name servers, which are asked before the looks
	perHost   int
	mu        sync.Mutex
	hosts     map[netip.Addr]*hostTraffic
}

type hostTraffic struct {
	places chan struct{}
	mu     sync.Mutex
	hung   int  // looks in a row that got no answer
	how    Kind // of the last of them
}

func newTraffic(all, perHost int) *traffic {
	return &traffic{all: make(chan struct{}, all), questions: make(chan struct{}, all), perHost: perHost, hosts: make(map[netip.Addr]*hostTraffic)}
}

func (t *traffic) host(address netip.Addr) *hostTraffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hosts[address] == nil {
		t.hosts[address] = &hostTraffic{places: make(chan struct{}, t.perHost)}
	}
	return t.hosts[address]
}

// slow is after how long somebody who waits for an answer no longer counts among those at work, so that not even many dead hosts or name
// servers take all the places.
const slow = time.Second

// enter takes a place and returns what gives it back, which happens by itself when it takes long.
func enter(places chan struct{}) func() {
	places <- struct{}{}
	leave := sync.OnceFunc(func() { <-places })
	late := time.AfterFunc(slow, leave)
	return func() {
		late.Stop()
		leave()
	}
}

// question takes a place for asking name servers and returns what gives it back.
func (t *traffic) question() func() { return enter(t.questions) }

// look makes a look when there is room for it.
func (t *traffic) look(ctx context.Context, address netip.Addr, look func() Look, name string) Look {
	host := t.host(address)
	host.places <- struct{}{}
	defer func() { <-host.places }()
	if how, hangs := host.hangs(); hangs || ctx.Err() != nil {
		return leftOut(name, address, cmp.Or(how, probe.Aborted))
	}
	defer enter(t.all)()
	seen := look()
	host.note(seen)
	return seen
}

// hangs says whether the address is asked no more, and what kind of hanging it is.
func (h *hostTraffic) hangs() (Kind, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.how, h.hung >= hanging
}

func (h *hostTraffic) note(seen Look) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, problem := range seen.problems {
		switch problem.Kind {
		case probe.NoAnswer, probe.Silent, probe.EndlessHandshake:
			h.how = problem.Kind
			h.hung++
			return
		}
	}
	h.hung = 0
}

// leftOut is the look at a name whose address hangs. The fault is of the same kind as the one that others have there: which of them were
// looked at differs from sweep to sweep, and who is reminded should not.
func leftOut(name string, address netip.Addr, how Kind) Look {
	problem := &probe.Problem{Kind: how, Sentence: probe.Unicode(name) + " was not looked at: " + address.String() + " does not answer others either"}
	return Look{Name: name, Address: address, Done: time.Now(), problems: []*probe.Problem{problem}}
}
