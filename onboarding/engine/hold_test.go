package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// opening is a window for the step database that is open for an hour each day from a time on.
func opening(at time.Time) onboarding.Policy {
	at = at.UTC()
	return onboarding.Policy{Calendar: windows.Calendar{Windows: []windows.Window{{Kinds: []string{"database"},
		Rule:     fmt.Sprintf("FREQ=DAILY;BYHOUR=%d;BYMINUTE=%d;BYSECOND=%d", at.Hour(), at.Minute(), at.Second()),
		Duration: time.Hour}}}}
}

// waits waits until the step database is approved and waits for its window.
func (h *harness) waits(id uuid.UUID) *onboarding.View {
	h.t.Helper()
	return h.until(id, "the step database waits for its window", func(view *onboarding.View) bool {
		step := view.Step("database")
		return step.State == onboarding.StepApproved && !step.Due.IsZero()
	})
}

func wantEvent(t *testing.T, view *onboarding.View, kind onboarding.EventKind) onboarding.Event {
	t.Helper()
	at := slices.IndexFunc(view.Events, func(event onboarding.Event) bool { return event.Kind == kind })
	if at < 0 {
		t.Fatalf("no event %s in\n%s", kind, describe(view))
	}
	return view.Events[at]
}

// What is approved waits for its window, and is applied by itself when that opens. The time that
// the bot has to apply it counts from then on.
func TestAChangeWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	opens := time.Now().Add(3 * time.Second).Truncate(time.Second)
	h := newHarness(t, opening(opens))
	h.start()
	id := h.begin("merche-biche")
	approval := h.approve(id, "database", "bob")
	h.exec(`UPDATE approvals SET expires_at = now() - interval '1 minute' WHERE id = $1`, approval.ID)
	view := h.waits(id)
	step := view.Step("database")
	if want := "waits until " + windows.Text(opens.UTC()); !step.Due.Equal(opens) || step.Detail != want {
		t.Errorf("due at %s, and says %q, want %q", step.Due, step.Detail, want)
	}
	if event := wantEvent(t, view, onboarding.EventScheduled); event.Text != step.Detail {
		t.Errorf("the audit trail says %q", event.Text)
	}
	view = h.stepBecomes(id, "database", onboarding.StepDone)
	if began := wantEvent(t, view, onboarding.EventApplying).At; began.Before(opens) {
		t.Errorf("applied at %s, and its window opens at %s", began, opens)
	}
	h.asked(id, "dns/a.example.com") // no window covers it
}

// A second operator can have a change applied that waits for its window, and its requester cannot.
func TestApplyNow(t *testing.T) {
	t.Parallel()
	h := newHarness(t, opening(time.Now().Add(3*time.Hour)))
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	if err := h.Service.ApplyNow(t.Context(), approval.ID, "eve"); !errors.Is(err, onboarding.ErrNotWaiting) {
		t.Errorf("applied before it was approved: %v", err)
	}
	h.approve(id, "database", "bob")
	h.waits(id)
	if err := h.Service.ApplyNow(t.Context(), approval.ID, "ada"); !errors.Is(err, onboarding.ErrOwnRequest) {
		t.Errorf("applied by the requester: %v", err)
	}
	h.wantNothingApplied()
	if err := h.Service.ApplyNow(t.Context(), approval.ID, "eve"); err != nil {
		t.Fatal(err)
	}
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	event := wantEvent(t, view, onboarding.EventApplyNow)
	if event.Actor.ID != "eve" || event.Digest != approval.Digest {
		t.Errorf("the audit trail has %+v", event)
	}
}

// Who can write to the database, and not sign, has nothing applied before its window.
func TestAForgedApplyNowWaits(t *testing.T) {
	t.Parallel()
	h := newHarness(t, opening(time.Now().Add(3*time.Hour)))
	factor, err := secondfactor.New(h.pool,
		secondfactor.Config{Key: secret.New("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")})
	if err != nil {
		t.Fatal(err)
	}
	h.factor = factor
	h.Service, h.engine = h.parts(h.pool)
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	h.exec(`UPDATE approvals SET apply_now = true, apply_now_by = 'eve', apply_now_at = now()`)
	h.approve(id, "database", "bob")
	view := h.waits(id)
	if detail := view.Step("database").Detail; !strings.HasSuffix(detail, "the bot did not sign it") {
		t.Errorf("the step says %q", detail)
	}
	if votes := view.Approvals[0].Votes; votes[0].NotBefore.IsZero() {
		t.Errorf("the vote waits for nothing: %+v", votes)
	}
	h.exec(`INSERT INTO attempts (id, run_id, step, approval_id, outcome, finished_at)
		SELECT gen_random_uuid(), run_id, step, id, 'interrupted', now() FROM approvals WHERE state = 'approved'`)
	h.exec(`UPDATE steps SET state = 'applying', due_at = NULL WHERE key = 'database'`)
	h.wake(id)
	view = h.waits(id)
	if event := wantEvent(t, view, onboarding.EventFailed); !strings.Contains(event.Text, "its window opens") {
		t.Errorf("the audit trail says %q", event.Text)
	}
	h.wantNothingApplied()
	if err := h.Service.ApplyNow(t.Context(), approval.ID, "eve"); err != nil {
		t.Fatal(err)
	}
	h.stepBecomes(id, "database", onboarding.StepDone)
}

// Whoever approves in an open window can have the change wait for the next one. If the target
// changes meanwhile, the approval lapses then.
func TestApproveForTheNextWindow(t *testing.T) {
	t.Parallel()
	h := newHarness(t, opening(time.Now().Add(-time.Minute)))
	h.start()
	id := h.begin("merche-biche")
	later := decision("bob", "")
	later.NextWindow = true
	approval := h.asked(id, "database")
	if err := h.Approve(t.Context(), approval.ID, later); err != nil {
		t.Fatal(err)
	}
	if due := time.Until(h.waits(id).Step("database").Due); due < 23*time.Hour || due > 24*time.Hour {
		t.Errorf("due in %s", due)
	}
	h.wantNothingApplied()
	h.world.set(func() { h.world.version["database"] = "2" })
	h.exec(`UPDATE votes SET not_before = NULL`)
	h.exec(`UPDATE steps SET changed_at = clock_timestamp() WHERE key = 'database'`)
	h.wake(id)
	again := h.asked(id, "database")
	if again.ID == approval.ID || again.Digest == approval.Digest {
		t.Errorf("asked again for %s as %s", again.Digest, again.ID)
	}
	h.approve(id, "database", "bob")
	err := h.Approve(t.Context(), h.asked(id, "dns/a.example.com").ID, later)
	if !errors.Is(err, onboarding.ErrNoWindow) {
		t.Errorf("no window covers this step: %v", err)
	}
}

// A request with a time holds all its changes until then, also those that were approved in advance
// and whose time to be decided is over.
func TestARequestWithATime(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	at := time.Now().Add(4 * time.Second).Truncate(time.Second)
	asked := request("merche-biche")
	asked.At = &onboarding.Moment{Time: at, Zone: "Europe/Berlin"}
	run, err := h.Begin(t.Context(), asked, service.Asked{Operator: "ada", Channel: "C1", Submission: "view"})
	if err != nil {
		t.Fatal(err)
	}
	h.asked(run.ID, "database")
	review, err := h.Review(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uuid.UUID
	for _, planned := range review {
		if planned.Approval != nil {
			ids = append(ids, planned.Approval.ID)
		}
	}
	if count, err := h.ApproveAll(t.Context(), run.ID, ids, decision("bob", "")); err != nil || count < 2 {
		t.Fatalf("%d of %d approved: %v", count, len(ids), err)
	}
	h.exec(`UPDATE approvals SET expires_at = now() - interval '1 minute'`)
	if view := h.waits(run.ID); !strings.HasSuffix(view.Step("database").Detail, "Europe/Berlin") {
		t.Errorf("says %q", view.Step("database").Detail)
	}
	view := h.runBecomes(run.ID, onboarding.RunDone)
	for _, event := range view.Events {
		if event.Kind == onboarding.EventApplying && event.At.Before(at) {
			t.Errorf("%s was applied at %s, before %s", event.Step, event.At, at)
		}
		if event.Kind == onboarding.EventLapsed {
			t.Errorf("%s lapsed: %s", event.Step, event.Text)
		}
	}
}
