package engine_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// TestRequestsThatComeTogetherShareAMessage decides on the steps of a run at once, after a
// rejection, and after people may have gone.
func TestRequestsThatComeTogetherShareAMessage(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	const database, dnsA, dnsB = "database", "dns/a.example.com", "dns/b.example.com"
	with := func(id uuid.UUID, key onboarding.Key, want *onboarding.Approval) *onboarding.Approval {
		t.Helper()
		approval, first := h.asked(id, key), uuid.Nil
		if want != nil {
			first = want.ID
		}
		if approval.AskedWith != first {
			t.Errorf("%s was asked with %s, want %s", key, approval.AskedWith, first)
		}
		return approval
	}

	id := h.begin("merche-biche")
	first := with(id, database, nil)
	h.approve(id, database, "bob")
	with(id, dnsA, first)
	rejected := with(id, dnsB, first)
	given := service.Decision{Operator: "bob", Reason: "no", Source: "test"}
	if err := h.Reject(t.Context(), rejected.ID, given); err != nil {
		t.Fatal(err)
	}
	if err := h.Retry(t.Context(), id, dnsB, "ada"); err != nil {
		t.Fatal(err)
	}
	with(id, dnsB, nil) // somebody has to read below the rejection

	h = newHarness(t, onboarding.Policy{})
	h.start()
	id = h.begin("merche-biche")
	with(id, database, nil)
	h.age("true")
	endA, endB := h.holdObservation(dnsA), h.holdObservation(dnsB)
	h.approve(id, database, "bob")
	h.stepBecomes(id, database, onboarding.StepDone)
	h.age("kind = 'approved'")
	endA()
	late := with(id, dnsA, nil)
	endB()
	with(id, dnsB, late)
}

// age makes events two minutes older. The audit trail itself lets nobody change an event.
func (h *harness) age(which string) {
	h.t.Helper()
	h.exec(`DO $$ BEGIN
		SET LOCAL session_replication_role = replica;
		UPDATE events SET at = at - interval '2 minutes' WHERE ` + which + `;
	END $$`)
}
