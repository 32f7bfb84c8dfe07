package onboarding_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestJustAsked(t *testing.T) {
	rows, dns, other := uuid.New(), uuid.New(), uuid.New()
	shared := []*onboarding.Approval{{ID: rows}, {ID: dns}}
	var view onboarding.View
	for _, step := range []struct {
		approval uuid.UUID
		kind     onboarding.EventKind
		want     bool
	}{
		{uuid.Nil, onboarding.EventRequested, false},
		{rows, onboarding.EventAsked, true},
		{rows, onboarding.EventApproved, false},
		{dns, onboarding.EventAsked, true},
		{other, onboarding.EventApproved, true},
		{rows, onboarding.EventApplying, false},
	} {
		view.Events = append(view.Events, onboarding.Event{Kind: step.kind, Approval: step.approval})
		if got := view.JustAsked(shared); got != step.want {
			t.Errorf("after %s of %s: %v", step.kind, step.approval, got)
		}
	}
}
