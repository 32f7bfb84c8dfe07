package runbook

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

// visit is one way to a site: a name at an address.
type visit struct {
	name    string
	address netip.Addr
}

// everywhere makes all visits to a site at once and returns a failed finding for each that was bad, in a stable order.
func (s *site) everywhere(look func(visit) error) []onboarding.Finding {
	var visits []visit
	for _, name := range s.names {
		for _, address := range s.addresses() {
			visits = append(visits, visit{name, address})
		}
	}
	errs := make([]error, len(visits))
	var group sync.WaitGroup
	for i, at := range visits {
		group.Go(func() { errs[i] = look(at) })
	}
	group.Wait()
	var bad []onboarding.Finding
	for i, err := range errs {
		if err != nil {
			bad = append(bad, onboarding.Finding{Level: onboarding.Failed, Name: visits[i].name + " at " + visits[i].address.String(), Detail: err.Error()})
		}
	}
	return bad
}

// patiently looks again and again until all is well or the deadline is over, and returns what was wrong last.
func patiently(ctx context.Context, deadline time.Time, look func() error) error {
	for {
		err := look()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// answers says whether a status of HTTP is what a site that is up gives: a page, or the way to one.
func answers(status int) bool {
	return status == http.StatusOK || status == http.StatusMovedPermanently || status == http.StatusPermanentRedirect
}
