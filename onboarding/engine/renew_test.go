package engine_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// goLive takes a run to its end.
func (h *harness) goLive(slug string) uuid.UUID {
	h.t.Helper()
	id := h.begin(slug)
	for _, key := range []onboarding.Key{"database", "dns/a.example.com", "dns/b.example.com"} {
		h.approve(id, key, "bob")
	}
	h.runBecomes(id, onboarding.RunDone)
	return id
}

func (h *harness) live() []onboarding.LiveDomain {
	h.t.Helper()
	live, err := store.LiveDomains(h.t.Context(), h.pool)
	if err != nil {
		h.t.Fatal(err)
	}
	return live
}

func TestLiveDomains(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	if live := h.live(); len(live) != 0 {
		t.Errorf("live before anything ran: %+v", live)
	}
	waiting := h.begin("cocotte-two")
	id := h.goLive("merche-biche")
	want := []onboarding.LiveDomain{{Domain: onboarding.Domain{Name: "merche-biche.com", Host: "vps-0"}, Run: id,
		Slug: "merche-biche", Channel: "C1"}}
	if diff := cmp.Diff(want, h.live()); diff != "" {
		t.Error(diff)
	}
	if err := h.Cancel(t.Context(), waiting, "ada"); err != nil {
		t.Fatal(err)
	}
	undo, err := h.Undo(t.Context(), "merche-biche", false,
		service.Asked{Operator: "ada", Channel: "C1", Submission: "undo"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, h.live()); diff != "" {
		t.Errorf("while it is being taken back: %s", diff)
	}
	for _, key := range []onboarding.Key{"undo-dns/b.example.com", "undo-dns/a.example.com", "undo-database"} {
		h.approve(undo.ID, key, "bob")
	}
	h.runBecomes(undo.ID, onboarding.RunDone)
	if live := h.live(); len(live) != 0 {
		t.Errorf("live after it was taken back: %+v", live)
	}
}

func TestARenewalIsApprovedAndSynced(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	made := h.goLive("merche-biche")
	renew := func(operator, press string) (*onboarding.Run, error) {
		return h.Renew(t.Context(), onboarding.Domain{Name: "merche-biche.com"},
			service.Asked{Operator: operator, Channel: "C2", Submission: press})
	}
	if _, err := renew("mallory", "p0"); !errors.Is(err, onboarding.ErrNotOperator) {
		t.Errorf("a stranger renews: %v", err)
	}
	run, err := renew("ada", "p1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := renew("ada", "p1"); err != nil || again.ID != run.ID {
		t.Errorf("one press, two runs: %v", err)
	}
	if _, err := renew("bob", "p2"); !errors.Is(err, onboarding.ErrBusy) {
		t.Errorf("two renewals of one domain: %v", err)
	}
	approval := h.asked(run.ID, "renew/merche-biche.com")
	if err := h.Approve(t.Context(), approval.ID, decision("ada", "")); !errors.Is(err, onboarding.ErrOwnRequest) {
		t.Errorf("ada approves what ada pressed: %v", err)
	}
	h.approve(run.ID, "renew/merche-biche.com", "bob")
	h.approve(run.ID, "sync/merche-biche.com", "bob")
	view := h.runBecomes(run.ID, onboarding.RunDone)
	if view.Renews != made || view.Channel != "C1" || view.Kind != onboarding.KindRenew ||
		view.Request.Slug != "merche-biche" || view.Request.Domains[0].Host != "vps-0" {
		t.Errorf("the renewal is %+v", view.Run)
	}
	// What it renewed is as live as before, and still the newest run of its Provider.
	if live := h.live(); len(live) != 1 || live[0].Run != made {
		t.Errorf("live after the renewal: %+v", live)
	}
	if latest, err := h.Records.Latest(t.Context(), "merche-biche"); err != nil || latest.ID != made {
		t.Errorf("the newest run: %+v, %v", latest, err)
	}
}

func TestARenewalOfADomainThatNobodyOnboarded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	var runs []uuid.UUID
	for _, name := range []string{"cocotte.com", "sansonnet.com"} {
		run, err := h.Renew(t.Context(), onboarding.Domain{Name: name, Host: "vps-0"},
			service.Asked{Operator: "ada", Channel: "C2", Submission: name})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run.ID)
	}
	view, err := h.Records.View(t.Context(), runs[0])
	if err != nil || view.Renews != uuid.Nil || view.Channel != "C2" || view.Request.DisplayName != "cocotte.com" {
		t.Errorf("the renewal is %+v, %v", view.Run, err)
	}
}
