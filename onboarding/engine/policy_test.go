package engine_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestARuleCanRequireTwoApproversAndAReason(t *testing.T) {
	t.Parallel()
	h := newHarness(t,
		onboarding.Policy{Rules: map[onboarding.Kind]onboarding.Rule{"database": {Approvers: 2, Reason: true}}})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	if err := h.Approve(t.Context(), approval.ID, decision("bob", " ")); !errors.Is(err, onboarding.ErrNoReason) {
		t.Errorf("approved without a reason: %v", err)
	}
	if err := h.Approve(t.Context(), approval.ID, decision("bob", "checked the address")); err != nil {
		t.Fatal(err)
	}
	if err := h.Approve(t.Context(), approval.ID, decision("bob", "twice")); err == nil {
		t.Error("one approver counted twice")
	}
	if got := h.world.count("database"); got != 0 {
		t.Errorf("applied %d times with one of two approvers", got)
	}
	if err := h.Approve(t.Context(), approval.ID, decision("eve", "me too")); err != nil {
		t.Fatal(err)
	}
	h.stepBecomes(id, "database", onboarding.StepDone)
}

func TestBreakingTheGlass(t *testing.T) {
	t.Parallel()
	closed := newHarness(t, onboarding.Policy{})
	err := closed.BreakGlass(t.Context(), uuid.New(), decision("ada", "fire"))
	if !errors.Is(err, onboarding.ErrNoGlass) {
		t.Errorf("it is off by default: %v", err)
	}
	h := newHarness(t,
		onboarding.Policy{BreakGlass: true, Rules: map[onboarding.Kind]onboarding.Rule{"database": {Approvers: 2}}})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	if err := h.BreakGlass(t.Context(), approval.ID, decision("ada", "")); !errors.Is(err, onboarding.ErrNoReason) {
		t.Errorf("without a reason: %v", err)
	}
	err = h.BreakGlass(t.Context(), approval.ID, decision("mallory", "fire"))
	if !errors.Is(err, onboarding.ErrNotOperator) {
		t.Errorf("a stranger: %v", err)
	}
	if err := h.BreakGlass(t.Context(), approval.ID, decision("ada", "fire")); err != nil {
		t.Fatal(err)
	}
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	wantKinds(t, view, "database", onboarding.EventAsked, onboarding.EventRefused, onboarding.EventBrokeGlass,
		onboarding.EventApplying, onboarding.EventDone)
}

func TestAFreezeHoldsWhatIsApproved(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	if err := h.Freeze(t.Context(), "bob", "black friday"); err != nil {
		t.Fatal(err)
	}
	if err := h.Freeze(t.Context(), "eve", "again"); !errors.Is(err, onboarding.ErrFrozen) {
		t.Errorf("frozen twice: %v", err)
	}
	h.approve(id, "database", "bob")
	// A run that has nothing else to do is left alone: another one that comes later proves that
	// the engine went past it.
	other := h.begin("other")
	h.asked(other, "database")
	if view, err := h.Records.View(t.Context(), id); err != nil ||
		view.Step("database").State != onboarding.StepApproved || h.world.count("database") != 0 {
		t.Fatalf("under a freeze: %v, applied %d times", view.Step("database").State, h.world.count("database"))
	}
	if err := h.Thaw(t.Context(), "eve"); err != nil {
		t.Fatal(err)
	}
	h.stepBecomes(id, "database", onboarding.StepDone)
	if err := h.Thaw(t.Context(), "eve"); !errors.Is(err, onboarding.ErrNotFrozen) {
		t.Errorf("thawed twice: %v", err)
	}
}

func TestAPreapprovedChangeIsRequestedAgainOnlyAfterDrift(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	open := h.asked(id, "database")
	review, err := h.Review(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uuid.UUID
	for _, ahead := range review {
		if ahead.Approval != nil {
			ids = append(ids, ahead.Approval.ID)
		}
	}
	if len(ids) != 3 || ids[0] != open.ID {
		t.Fatalf("%d of the review can be decided, the open approval is %s", len(ids), open.ID)
	}
	if _, err := h.ApproveAll(t.Context(), id, ids, decision("ada", "")); !errors.Is(err,
		onboarding.ErrOwnRequest) {
		t.Errorf("the requester approved all: %v", err)
	}
	h.world.set(func() { h.world.version["dns/b.example.com"] = "moved" })
	counted, err := h.ApproveAll(t.Context(), id, ids, decision("bob", ""))
	if err != nil || counted != 3 {
		t.Fatalf("%d counted, %v", counted, err)
	}
	h.stepBecomes(id, "dns/a.example.com", onboarding.StepDone)
	h.approve(id, "dns/b.example.com", "eve")
	view := h.runBecomes(id, onboarding.RunDone)
	wantKinds(t, view, "dns/a.example.com", onboarding.EventApproved, onboarding.EventApplying, onboarding.EventDone)
	if got := kinds(view, "dns/b.example.com"); !slices.Contains(got, onboarding.EventLapsed) ||
		!slices.Contains(got, onboarding.EventAsked) {
		t.Errorf("a change that moved went on under its old approval: %v", got)
	}
}

func TestAVoteOnAPreapprovalCounts(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{Rules: map[onboarding.Kind]onboarding.Rule{"dns": {Approvers: 2}}})
	h.start()
	id := h.begin("merche-biche")
	h.asked(id, "database")
	review, err := h.Review(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, ahead := range review {
		if ahead.Approval != nil {
			if _, err := h.ApproveAll(t.Context(), id, []uuid.UUID{ahead.Approval.ID},
				decision("bob", "")); err != nil {
				t.Fatal(err)
			}
		}
	}
	approval := h.asked(id, "dns/a.example.com")
	if len(approval.Votes) != 1 || approval.Votes[0].By.ID != "bob" {
		t.Fatalf("votes %v", approval.Votes)
	}
	if err := h.Approve(t.Context(), approval.ID, decision("eve", "")); err != nil {
		t.Fatal(err)
	}
	h.stepBecomes(id, "dns/a.example.com", onboarding.StepDone)
}

func TestAnApprovalEscalates(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{EscalateAfter: time.Second})
	h.start()
	id := h.begin("merche-biche")
	h.until(id, "the second group hears of it", func(view *onboarding.View) bool {
		return slices.Contains(kinds(view, "database"), onboarding.EventEscalated)
	})
}

func TestWaitingFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	for who, want := range map[string]int{"ada": 0, "bob": 1, "otto": 0, "mallory": 0} {
		if approvals, _, err := h.WaitingFor(t.Context(), who); err != nil || len(approvals) != want {
			t.Errorf("%d approvals wait for %s, want %d (%v)", len(approvals), who, want, err)
		}
	}
	if err := h.Reject(t.Context(), approval.ID, decision("bob", "no")); err != nil {
		t.Fatal(err)
	}
	h.stepBecomes(id, "database", onboarding.StepRejected)
	if _, runs, err := h.WaitingFor(t.Context(), "ada"); err != nil || len(runs) != 1 {
		t.Errorf("%d runs wait for their requester (%v)", len(runs), err)
	}
}

func TestADraftIsKeptUntilItIsSubmitted(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	if draft, err := h.Drafts.Get(t.Context(), "merche-biche"); draft != nil || err != nil {
		t.Fatalf("%v, %v", draft, err)
	}
	for _, inputs := range []string{`{"email":"m"}`, `{"email":"merche@example.com"}`} {
		if err := h.Drafts.Save(t.Context(),
			onboarding.Draft{Slug: "merche-biche", By: onboarding.Operator{ID: "ada"},
				Inputs: []byte(inputs)}); err != nil {
			t.Fatal(err)
		}
	}
	draft, err := h.Drafts.Get(t.Context(), "merche-biche")
	if err != nil || draft.By.ID != "ada" || string(draft.Inputs) != `{"email": "merche@example.com"}` {
		t.Errorf("%+v, %v", draft, err)
	}
	if err := h.Drafts.Drop(t.Context(), "merche-biche"); err != nil {
		t.Fatal(err)
	}
	if draft, _ := h.Drafts.Get(t.Context(), "merche-biche"); draft != nil {
		t.Error("a dropped draft is still there")
	}
}
