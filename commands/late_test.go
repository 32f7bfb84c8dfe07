package commands_test

import (
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// slowly sends a form while the database answers nothing about approvals, does something once the
// form is acknowledged, and lets the database answer.
func (r *botFixture) slowly(form *workspace.Form, meanwhile func()) {
	r.t.Helper()
	held, err := r.pool.Begin(r.ctx())
	must(r.t, err)
	_, err = held.Exec(r.ctx(), `LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE`)
	must(r.t, err)
	out, err := form.Submit(r.ctx())
	must(r.t, err)
	if out.Modal == nil || !strings.Contains(out.Modal.Render(80, nil), takesLonger) {
		r.t.Errorf("a form that takes long: %+v", out)
	}
	meanwhile()
	must(r.t, held.Rollback(r.ctx()))
}

// TestAFormThatTakesLongTellsItsOutcome has the database hold back a review and decisions for
// longer than an acknowledgement can wait: what counts, what is refused, and what must be typed
// again.
func TestAFormThatTakesLongTellsItsOutcome(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
		domain.Rules = map[onboarding.Kind]onboarding.Rule{"upload": {Reason: true}}
	})
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	rejects := func(who *workspace.Person, reason string) *workspace.Form {
		t.Helper()
		r.press(who, question, "Reject…")
		form, err := who.Modal(r.ctx())
		must(t, err)
		_, err = form.Fill(r.ctx(), "Why not?", reason)
		must(t, err)
		return form
	}
	reviews := func() *workspace.Form {
		t.Helper()
		r.say(r.bo, "ops", "review merche-biche")
		form := r.reviewed(r.bo, "Why?")
		_, err := form.Press(r.ctx(), "Select all on this page")
		must(t, err)
		return r.reviewed(r.bo, "[x] Approve · digest")
	}
	nothing := func() {}

	r.slowly(reviews(), nothing)
	_, err := r.reviewed(r.bo, "Give a reason", "open the form again").Dismiss(r.ctx())
	must(t, err)

	form := reviews()
	_, err = form.Fill(r.ctx(), "Why?", "Seen with Merche")
	must(t, err)
	late := rejects(r.cleo, "The email is mistyped")
	must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultDuplicate, Envelope: "interactive"}))
	r.slowly(form, nothing)
	_, err = r.reviewed(r.bo, "2 of 2 changes are approved").Dismiss(r.ctx())
	must(t, err)
	for _, approval := range r.run("merche-biche").Approvals {
		if len(approval.Votes) != 1 {
			t.Errorf("%s has %d votes", approval.Step, len(approval.Votes))
		}
	}
	r.read(r.ana, "Database: done", "Approved by @Bo Lindqvist")

	r.slowly(late, func() {
		_, err := late.Dismiss(r.ctx())
		must(t, err)
	})
	names := r.names()
	_, err = r.cleo.WaitMessage(r.ctx(), "", func(m workspace.Message) bool {
		text := m.Render(200, names)
		return strings.Contains(text, "Bo Lindqvist") && strings.HasPrefix(text, "Reject")
	})
	must(t, err)

	r.begin("ondine")
	question = r.read(r.bo, "Database: approval needed", "ondine")
	late = rejects(r.cleo, "It is a duplicate")
	r.slowly(rejects(r.bo, "The email is mistyped"), nothing)
	_, err = r.reviewed(r.bo, "Done.").Dismiss(r.ctx())
	must(t, err)
	r.read(r.ana, "Database was rejected", "The email is mistyped")
	r.slowly(late, nothing)
	r.reviewed(r.cleo, "Bo Lindqvist")
}
