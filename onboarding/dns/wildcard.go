package dns

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// synthesised reports whether a server made an answer from a wildcard (RFC 4592 §3.3.1), so that
// the record set that was asked for is not in the zone. A wildcard answers for names below one
// that does not exist, and for none below one that exists (§2.2.1): then a random name below the
// name that was asked for is answered too, and so is one below the asterisk that could be there.
// If a server does not answer these questions, the record set is taken to be in the zone.
func (a asker) synthesised(ctx context.Context, server string, q Question) bool {
	if q.Type != "CNAME" && !slices.Contains(writable, q.Type) {
		return false // nothing is conditional on it
	}
	label := fmt.Sprintf("onboardbot-%016x.", rand.Uint64())
	for _, name := range []string{label + q.Name, label + "*." + q.Name} {
		below := Question{Name: name, Type: q.Type}
		reply, problem := a.ask(ctx, server, below, false)
		if problem != "" || !reply.Authoritative || len(owned(reply, below)) == 0 {
			return false
		}
	}
	return true
}

// inZone removes what servers made from wildcards: an update can neither expect nor remove it.
func (s State) inZone() State {
	for _, server := range s.Servers {
		for i := range server.Answers {
			if server.Answers[i].Wildcard {
				server.Answers[i].Records, server.Answers[i].Wildcard = nil, false
			}
		}
	}
	return s
}
