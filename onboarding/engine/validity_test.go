package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// An approval that no longer counts while its change is being applied is asked for again by
// itself, and the audit trail says why.
func TestAnApprovalThatNoLongerCountsIsRequestedAgain(t *testing.T) {
	t.Parallel()
	for sql, why := range map[string]string{
		`DELETE FROM votes`:                     "0 of 1 approvers agreed",
		`UPDATE approvals SET state = 'lapsed'`: "the approval is lapsed",
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, onboarding.Policy{})
			hold := make(chan struct{})
			h.world.hold["database"] = hold
			h.world.parts["database"] = []string{"one", "two"}
			h.start()
			id := h.begin("merche-biche")
			approval := h.approve(id, "database", "bob")
			<-h.world.entered
			h.exec(sql)
			close(hold)
			wantLapsed(h, id, approval, why)
			h.approve(id, "database", "eve")
			h.stepBecomes(id, "database", onboarding.StepDone)
		})
	}
}

// wantLapsed waits until the audit trail says why an approval of the step database lapsed.
func wantLapsed(h *harness, id uuid.UUID, approval *onboarding.Approval, why string) {
	h.t.Helper()
	view := h.until(id, "the approval lapses because "+why, func(view *onboarding.View) bool {
		return slices.ContainsFunc(view.Events, func(event onboarding.Event) bool {
			return event.Kind == onboarding.EventLapsed && event.Approval == approval.ID && event.Text == why
		})
	})
	if state := view.Approval(approval.ID).State; state == onboarding.ApprovalApproved {
		h.t.Errorf("the approval is still %s", state)
	}
}

// held is a run whose step database is approved by bob and held by a freeze of ada, its requester.
func held(t *testing.T) (h *harness, id uuid.UUID, approval *onboarding.Approval) {
	t.Helper()
	h = newHarness(t, onboarding.Policy{})
	h.start()
	id = h.begin("merche-biche")
	h.asked(id, "database")
	if err := h.Freeze(t.Context(), "ada", "not now"); err != nil {
		t.Fatal(err)
	}
	return h, id, h.approve(id, "database", "bob")
}

func (h *harness) thaw(by string) {
	h.t.Helper()
	if err := h.Thaw(h.t.Context(), by); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) wake(id uuid.UUID) {
	h.t.Helper()
	err := pgx.BeginFunc(h.t.Context(), h.pool, func(tx pgx.Tx) error {
		return h.engine.Wake(h.t.Context(), tx, id, time.Time{})
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) wantNothingApplied() {
	h.t.Helper()
	if got := h.world.count("database"); got != 0 {
		h.t.Errorf("applied %d times", got)
	}
}

// A requester who freezes, is approved and thaws cannot choose when the change is applied.
func TestARequesterCannotThawTheirOwnRun(t *testing.T) {
	t.Parallel()
	h, id, _ := held(t)
	own, refused := errors.AsType[*onboarding.HeldRunError](h.Thaw(t.Context(), "ada"))
	if !refused || own.Slug != "merche-biche" {
		t.Errorf("thawed by the requester: %v", own)
	}
	h.world.set(func() { h.world.removed["bob"] = true })
	if err := h.Thaw(t.Context(), "bob"); !errors.Is(err, onboarding.ErrNotOperator) {
		t.Errorf("thawed by somebody who was removed: %v", err)
	}
	h.wantNothingApplied()
	h.world.set(func() { h.world.removed["bob"] = false })
	h.thaw("eve")
	h.stepBecomes(id, "database", onboarding.StepDone)
}

// A freeze does not stretch the life of what it holds: the approval ends on time, and the step
// asks for another one.
func TestAFreezeDoesNotStretchAnApproval(t *testing.T) {
	t.Parallel()
	h, id, approval := held(t)
	h.exec(`UPDATE approvals SET expires_at = now() - interval '1 minute'`)
	h.thaw("eve")
	wantLapsed(h, id, approval, "the approval expired before the change could be applied")
	if again := h.asked(id, "database"); again.ID == approval.ID || again.Digest != approval.Digest {
		t.Errorf("asked again for %s as %s", again.Digest, again.ID)
	}
	h.wantNothingApplied()
	h.approve(id, "database", "eve")
	h.stepBecomes(id, "database", onboarding.StepDone)
}

// Nobody has to thaw for an approval to end.
func TestAnApprovalExpiresUnderAFreeze(t *testing.T) {
	t.Parallel()
	h, id, approval := held(t)
	h.exec(`UPDATE approvals SET expires_at = now() - interval '1 minute'`)
	h.wake(id)
	wantLapsed(h, id, approval, "the approval expired before the change could be applied")
	h.wantNothingApplied()
}

// An approver who is removed between the click and the application does not count.
func TestARemovedApproverDoesNotCount(t *testing.T) {
	t.Parallel()
	h, id, approval := held(t)
	h.world.set(func() { h.world.removed["bob"] = true })
	h.thaw("eve")
	wantLapsed(h, id, approval, "bob, who approved it, may no longer decide")
	again := h.asked(id, "database")
	h.wantNothingApplied()
	if err := h.Approve(t.Context(), again.ID, decision("bob", "")); !errors.Is(err, onboarding.ErrNotApprover) {
		t.Errorf("somebody who was removed approved: %v", err)
	}
	h.approve(id, "database", "eve")
	h.stepBecomes(id, "database", onboarding.StepDone)
}

// While nobody can be looked up, an approved change waits and says so, and its approval stays.
func TestAnApplicationWaitsForTheDirectory(t *testing.T) {
	t.Parallel()
	h, id, approval := held(t)
	h.world.set(func() { h.world.directoryAway = true })
	h.exec(`UPDATE freezes SET thawed_at = now()`)
	h.wake(id)
	waits := h.until(id, "the step says why it waits", func(view *onboarding.View) bool {
		return strings.Contains(view.Step("database").Detail, "cannot find out whether bob may still decide")
	})
	if state := waits.Step("database").State; state != onboarding.StepApproved {
		t.Errorf("the step is %s", state)
	}
	h.wantNothingApplied()
	h.world.set(func() { h.world.directoryAway = false })
	h.wake(id)
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	if state := view.Approval(approval.ID).State; state != onboarding.ApprovalUsed {
		t.Errorf("the approval is %s", state)
	}
}

// Who stands in for the approvers may decide once nobody else has, and is shown nothing before.
func TestWhoStandsInDecidesAfterTheEscalation(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{EscalateAfter: time.Hour})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	waiting := func() int {
		approvals, _, err := h.WaitingFor(t.Context(), "zoe")
		if err != nil {
			t.Fatal(err)
		}
		return len(approvals)
	}
	if err := h.Approve(t.Context(), approval.ID, decision("zoe", "")); !errors.Is(err, onboarding.ErrNotApprover) {
		t.Errorf("approved before the escalation: %v", err)
	}
	if got := waiting(); got != 0 {
		t.Errorf("%d approvals wait before the escalation", got)
	}
	h.exec(`UPDATE approvals SET escalate_at = now() - interval '1 minute'`)
	if got := waiting(); got != 1 {
		t.Errorf("%d approvals wait after the escalation", got)
	}
	h.approve(id, "database", "zoe")
	h.stepBecomes(id, "database", onboarding.StepDone)
}
