package dns

import (
	"context"
	"errors"
)

// Publisher changes the records of zones. It is safe for concurrent use.
type Publisher interface {
	// Guarantees says what Publish promises. It never changes.
	Guarantees() Guarantees
	// Ready returns, in words that follow "DNS updates:", how the publisher publishes, or why it
	// can publish in no zone. It is asked before a zone is known and changes nothing.
	Ready(ctx context.Context) (string, error)
	// Check returns nil if the publisher may change the zone. It changes nothing.
	Check(ctx context.Context, zone string) error
	// Observe returns the record sets as they are where Publish changes them, with a single server
	// in the state.
	Observe(ctx context.Context, zone string, questions []Question) (State, error)
	// Publish makes the changes of one zone, each from what its record set was before to what it
	// is after. It returns [ErrDrift] if a record set is no longer what its change says it was
	// before, and then changes nothing of it.
	Publish(ctx context.Context, zone string, changes []Change) error
}

// Guarantees are the promises of a [Publisher]. Where one is missing, an approver reads a
// reservation about it.
type Guarantees struct {
	// Automatic says that the publisher makes changes. Otherwise people make them, and only
	// Guarantees, Ready and Check may be used.
	Automatic bool
	// Atomic says that all changes of one call take effect, or none does.
	Atomic bool
	// Conditional says that a change takes effect only if its record set is still what it was
	// before at that very moment. Otherwise the publisher compares first, and a change that
	// somebody makes in between is overwritten.
	Conditional bool
}

// Reservations are sentences for an approver about the guarantees that an automatic publisher does
// not give.
func (g Guarantees) Reservations() []string {
	var list []string
	if g.Automatic && !g.Atomic {
		list = append(list, "The record sets are changed one after the other: "+
			"if one fails, those before it stay changed.")
	}
	if g.Automatic && !g.Conditional {
		list = append(list, "The provider cannot check and change a record set in one operation: "+
			"a change that somebody else makes at the same moment is overwritten.")
	}
	return list
}

// ErrManual says that records are made by hand.
var ErrManual = errors.New("the records are made by hand: no DNS provider is configured that the bot could use")

// Manual is the publisher where people make the records.
type Manual struct{}

var _ Publisher = Manual{}

// Guarantees returns none.
func (Manual) Guarantees() Guarantees { return Guarantees{} }

// Ready always is.
func (Manual) Ready(context.Context) (string, error) {
	return "records are made by hand; runs wait for them", nil
}

// Check returns nil: people may change any zone.
func (Manual) Check(context.Context, string) error { return nil }

// Observe returns [ErrManual].
func (Manual) Observe(context.Context, string, []Question) (State, error) { return State{}, ErrManual }

// Publish returns [ErrManual].
func (Manual) Publish(context.Context, string, []Change) error { return ErrManual }
