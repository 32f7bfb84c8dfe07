package engine_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// kinds lists what happened to a step, in order.
func kinds(view *onboarding.View, key onboarding.Key) []onboarding.EventKind {
	var found []onboarding.EventKind
	for _, event := range view.Events {
		if event.Step == key {
			found = append(found, event.Kind)
		}
	}
	return found
}

func wantKinds(t *testing.T, view *onboarding.View, key onboarding.Key, want ...onboarding.EventKind) {
	t.Helper()
	if got := kinds(view, key); !slices.Equal(got, want) {
		t.Errorf("%s: events %v, want %v", key, got, want)
	}
}

func TestARunGoesFromRequestToDone(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	approval := h.approve(id, "database", "bob")
	h.approve(id, "dns/a.example.com", "bob")
	h.approve(id, "dns/b.example.com", "eve")
	view := h.runBecomes(id, onboarding.RunDone)
	wantKinds(t, view, "database", onboarding.EventAsked, onboarding.EventApproved, onboarding.EventApplying,
		onboarding.EventDone)
	wantKinds(t, view, "verify", onboarding.EventDone)
	for _, key := range []string{"database", "dns/a.example.com", "dns/b.example.com"} {
		if got := h.world.count(key); got != 1 {
			t.Errorf("%s was applied %d times", key, got)
		}
	}
	if state := view.Approval(approval.ID).State; state != onboarding.ApprovalUsed {
		t.Errorf("the approval is %s after its step is done", state)
	}
	log, err := h.Records.Log(t.Context(), view.Attempts[0].ID)
	if err != nil || log != "making database\n" {
		t.Errorf("log %q, %v", log, err)
	}
	if view.Facts["seen verify"] != "yes" {
		t.Errorf("facts %v", view.Facts)
	}
}

func TestAStepThatIsAlreadyDoneRequestsNoApproval(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.there["merche-biche/database"] = true
	h.start()
	id := h.begin("merche-biche")
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	wantKinds(t, view, "database", onboarding.EventDone)
}

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	for who, want := range map[string]error{"ada": onboarding.ErrOwnRequest, "otto": onboarding.ErrNotApprover,
		"mallory": onboarding.ErrNotApprover} {
		if err := h.Approve(t.Context(), approval.ID, decision(who, "")); !errors.Is(err, want) {
			t.Errorf("%s approves: %v, want %v", who, err, want)
		}
		if err := h.Reject(t.Context(), approval.ID, decision(who, "because")); !errors.Is(err, want) {
			t.Errorf("%s rejects: %v, want %v", who, err, want)
		}
	}
	if err := h.Approve(t.Context(), approval.ID, decision("nobody-answers", "")); err == nil {
		t.Error("approved by somebody whom the directory could not tell")
	}
	if got := h.world.count("database"); got != 0 {
		t.Errorf("applied %d times without an approval", got)
	}
	if _, err := h.Begin(t.Context(), request("other"),
		service.Asked{Operator: "mallory", Channel: "C1", Submission: "v"}); !errors.Is(err,
		onboarding.ErrNotOperator) {
		t.Errorf("a stranger began a run: %v", err)
	}
}

func TestTwoApproversAtOnceDecideOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() { errs[i] = h.Approve(t.Context(), approval.ID, decision([]string{"bob", "eve"}[i%2], "")) })
	}
	wait.Wait()
	agreed := 0
	for _, err := range errs {
		if err == nil {
			agreed++
		} else if _, decided := errors.AsType[*onboarding.DecidedError](err); !decided {
			t.Errorf("the other click got %v", err)
		}
	}
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	if agreed != 1 || h.world.count("database") != 1 || len(view.Approval(approval.ID).Votes) != 1 {
		t.Errorf("%d agreed, applied %d times", agreed, h.world.count("database"))
	}
}

func TestAnApprovalLapsesWhenTheTargetChanges(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	first := h.asked(id, "database")
	h.world.set(func() { h.world.version["database"] = "moved" })
	if err := h.Approve(t.Context(), first.ID, decision("bob", "")); err != nil {
		t.Fatal(err)
	}
	second := h.asked(id, "database")
	if second.Digest == first.Digest || h.world.count("database") != 0 {
		t.Errorf("digest %s then %s, applied %d times", first.Digest, second.Digest, h.world.count("database"))
	}
	if want := "-vps: make merche-biche database \n+vps: make merche-biche database moved"; second.Drift != want {
		t.Errorf("moved %q, want %q", second.Drift, want)
	}
	if err := h.Approve(t.Context(), second.ID, decision("bob", "")); err != nil {
		t.Fatal(err)
	}
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	wantKinds(t, view, "database", onboarding.EventAsked, onboarding.EventApproved, onboarding.EventLapsed,
		onboarding.EventAsked,
		onboarding.EventApproved, onboarding.EventApplying, onboarding.EventDone)
}

func TestRejectedThenRetriedThenApproved(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	if err := h.Reject(t.Context(), approval.ID, decision("bob", "  ")); !errors.Is(err, onboarding.ErrNoReason) {
		t.Errorf("rejected without a reason: %v", err)
	}
	if err := h.Reject(t.Context(), approval.ID, decision("bob", "wrong email")); err != nil {
		t.Fatal(err)
	}
	view := h.stepBecomes(id, "database", onboarding.StepRejected)
	if view.Step("database").Detail != "wrong email" {
		t.Errorf("detail %q", view.Step("database").Detail)
	}
	if err := h.Approve(t.Context(), approval.ID, decision("eve", "")); err == nil {
		t.Error("a rejected change was approved")
	}
	if err := h.Retry(t.Context(), id, "database", "ada"); err != nil {
		t.Fatal(err)
	}
	h.approve(id, "database", "eve")
	h.stepBecomes(id, "database", onboarding.StepDone)
}

func TestAFailedStepRequestsApprovalAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.broken["database"] = errors.New("connection refused")
	h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	view := h.stepBecomes(id, "database", onboarding.StepFailed)
	if view.Step("database").Detail != "connection refused" || view.Attempts[0].Outcome != onboarding.OutcomeFailed {
		t.Errorf("%q, %s", view.Step("database").Detail, view.Attempts[0].Outcome)
	}
	h.world.set(func() { delete(h.world.broken, "database") })
	if n, err := h.RetryAll(t.Context(), id, "ada"); n != 1 || err != nil {
		t.Fatalf("retried %d, %v", n, err)
	}
	h.approve(id, "database", "bob")
	h.stepBecomes(id, "database", onboarding.StepDone)
	if err := h.Retry(t.Context(), id, "database", "ada"); !errors.Is(err, onboarding.ErrNotRetry) {
		t.Errorf("a step that is done was retried: %v", err)
	}
}

// River moves scheduled jobs every five seconds: the reminder and the end must lie further apart
// than that.
func TestAnUndecidedApprovalIsRemindedOfAndExpires(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{ApprovalLife: 11 * time.Second, RemindBefore: 10 * time.Second})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	view := h.stepBecomes(id, "database", onboarding.StepExpired)
	wantKinds(t, view, "database", onboarding.EventAsked, onboarding.EventReminded, onboarding.EventExpired)
	decided, ok := errors.AsType[*onboarding.DecidedError](h.Approve(t.Context(), approval.ID, decision("bob", "")))
	if !ok || decided.State != onboarding.ApprovalExpired {
		t.Errorf("an expired approval: %v", decided)
	}
}

func TestWaitingStepsGoOnOnTheirOwnOrOnRequest(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.waiting["preflight"] = "ns1 does not answer yet"
	h.start()
	id := h.begin("merche-biche")
	h.stepBecomes(id, "preflight", onboarding.StepWaiting)
	h.world.set(func() { delete(h.world.waiting, "preflight") })
	if err := h.CheckNow(t.Context(), id, "preflight", "ada"); err != nil {
		t.Fatal(err)
	}
	h.stepBecomes(id, "preflight", onboarding.StepDone)
	if err := h.CheckNow(t.Context(), id, "preflight", "ada"); !errors.Is(err, onboarding.ErrNotWaiting) {
		t.Errorf("checked a step that does not wait: %v", err)
	}
}

func TestAFailedFindingRequestsNoApproval(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.findings["preflight"] = []onboarding.Finding{{Level: onboarding.Failed, Name: "postgres",
		Detail: "in recovery", Fix: "use the primary"}}
	h.start()
	id := h.begin("merche-biche")
	view := h.stepBecomes(id, "preflight", onboarding.StepFailed)
	if len(view.Approvals) != 0 || len(view.Step("preflight").Findings) != 1 {
		t.Errorf("%d approvals, findings %v", len(view.Approvals), view.Step("preflight").Findings)
	}
}

// A step that a finding stopped keeps its approval. Once it is applied after a retry, it fails for
// another reason, and the finding is not shown as that reason.
func TestAFindingThatIsGoneIsNoReason(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	h.asked(id, "database")
	h.world.set(func() {
		h.world.findings["database"] = []onboarding.Finding{{Level: onboarding.Failed, Name: "postgres"}}
	})
	h.approve(id, "database", "bob")
	if view := h.stepBecomes(id, "database", onboarding.StepFailed); len(view.Step("database").Findings) != 1 {
		t.Fatalf("got %+v", view.Step("database"))
	}
	h.world.set(func() {
		delete(h.world.findings, "database")
		h.world.broken["database"] = errors.New("connection refused")
	})
	if err := h.Retry(t.Context(), id, "database", "ada"); err != nil {
		t.Fatal(err)
	}
	view := h.until(id, "an application failed", func(view *onboarding.View) bool {
		return len(view.Attempts) == 1 && view.Step("database").State == onboarding.StepFailed
	})
	if step := view.Step("database"); step.Detail != "connection refused" || len(step.Findings) != 0 {
		t.Errorf("got %+v", step)
	}
}

func TestCancelWithdrawsOpenApprovals(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	approval := h.asked(id, "database")
	if err := h.Cancel(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
	if err := h.Approve(t.Context(), approval.ID, decision("bob", "")); err == nil {
		t.Error("approved in a cancelled run")
	}
	if err := h.Cancel(t.Context(), id, "ada"); !errors.Is(err, onboarding.ErrRunEnded) {
		t.Errorf("cancelled twice: %v", err)
	}
	again := h.begin("merche-biche")
	if again != id {
		t.Errorf("the same submission began another run")
	}
	run, err := h.Begin(t.Context(), request("merche-biche"),
		service.Asked{Operator: "ada", Channel: "C1", Submission: "another-view"})
	if err != nil || run.ID == id {
		t.Errorf("a cancelled slug could not be taken up again: %v", err)
	}
}

func TestTwoRunsAtOnceOnTwoReplicas(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	h.start()
	one, two := h.begin("one"), h.begin("two")
	for _, key := range []onboarding.Key{"database", "dns/a.example.com", "dns/b.example.com"} {
		h.approve(one, key, "bob")
		h.approve(two, key, "bob")
	}
	h.runBecomes(one, onboarding.RunDone)
	h.runBecomes(two, onboarding.RunDone)
	if got := h.world.count("database"); got != 2 {
		t.Errorf("database was applied %d times for two runs", got)
	}
}

func TestAnInterruptedRunGoesOn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(*world)
		state     onboarding.StepState
		applied   int
		last      int // items that the last application had
	}{
		"it had finished": {func(w *world) { w.there["merche-biche/database"] = true },
			onboarding.StepDone, 1, 2},
		"it had not":      {func(w *world) {}, onboarding.StepDone, 2, 2},
		"it was half way": {func(w *world) { w.parts["database"] = []string{"two"} }, onboarding.StepDone, 2, 1},
		"it began at the end": {func(w *world) { w.parts["database"] = []string{"one"} },
			onboarding.StepAsking, 1, 2},
		"it left something else": {func(w *world) { w.parts["database"] = []string{"half"} },
			onboarding.StepAsking, 1, 2},
		"nobody can tell": {func(w *world) { w.unobservable["database"] = errors.New("no route to host") },
			onboarding.StepUnknown, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, onboarding.Policy{})
			h.world.hold["database"] = make(chan struct{})
			h.world.parts["database"] = []string{"one", "two"}
			first := h.start()
			id := h.begin("merche-biche")
			h.approve(id, "database", "bob")
			<-h.world.entered
			first.stop()
			h.world.set(func() {
				delete(h.world.hold, "database")
				test.meanwhile(h.world)
			})
			h.start()
			view := h.stepBecomes(id, "database", test.state)
			if got := h.world.count("database"); got != test.applied {
				t.Errorf("applied %d times, want %d\n%s", got, test.applied, describe(view))
			}
			if got := len(h.world.lastApplied["database"].Items); got != test.last {
				t.Errorf("the last application had %d items, want %d", got, test.last)
			}
			if got := kinds(view, "database"); !slices.Contains(got, onboarding.EventInterrupted) {
				t.Errorf("events %v do not say that it was cut short", got)
			}
		})
	}
}

// What an attempt had printed when its process died stays readable.
func TestOutputOfAnInterruptedAttemptIsKept(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.hold["database"] = make(chan struct{})
	first := h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	printed := []string{"making database"}
	h.until(id, "progress shows", func(view *onboarding.View) bool {
		return len(view.Attempts) == 1 && slices.Equal(view.Attempts[0].Tail, printed)
	})
	first.stop()
	h.world.set(func() { delete(h.world.hold, "database") })
	h.start()
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	attempt := view.Attempts[0]
	log, err := h.Records.Log(t.Context(), attempt.ID)
	if err != nil || attempt.Outcome != onboarding.OutcomeInterrupted || log != printed[0]+"\n" ||
		!slices.Equal(attempt.Tail, printed) {
		t.Errorf("%s printed %q, log %q, %v", attempt.Outcome, attempt.Tail, log, err)
	}
}
