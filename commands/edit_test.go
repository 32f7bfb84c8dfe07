package commands_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// rejects rejects the change in a message with a reason.
func (r *botFixture) rejects(who *workspace.Person, request workspace.Message, reason string) {
	r.t.Helper()
	r.press(who, request, "Reject…")
	form, err := who.Modal(r.ctx())
	must(r.t, err)
	_, err = form.Fill(r.ctx(), "Why not?", reason)
	must(r.t, err)
	if out := r.submit(form); !out.Closed {
		r.t.Fatalf("%+v", out)
	}
}

// TestARejectedRequestIsEditedAndAskedAgain corrects the email before anything was applied, and
// then the domains after the rows were.
func TestARejectedRequestIsEditedAndAskedAgain(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	first := r.run("merche-biche")
	r.rejects(r.bo, r.read(r.bo, "Database: approval needed"), "The email is mistyped")
	r.press(r.ana, r.read(r.ana, "Database was rejected", "The email is mistyped"), "Edit and ask again…")
	form := r.reviewed(r.ana, "Edit the request", "merche-biche@example.com", "merche-biche.com")
	_, err := form.Fill(r.ctx(), "Email", "merche@example.org")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "The run was cancelled by @Ana Ortiz", "The request was edited, and a new run continues.")
	second := r.run("merche-biche")
	if second.ID == first.ID || second.Request.Email != "merche@example.org" || second.State != onboarding.RunActive {
		t.Fatalf("%+v", second.Run)
	}
	request := r.read(r.bo, "Database: approval needed", "[Approve]")
	r.press(r.bo, request, "Approve")

	r.rejects(r.bo, r.read(r.bo, "Deploy · merche-biche.com: approval needed"), "They want .example")
	r.press(r.ana, r.read(r.ana, "Deploy · merche-biche.com was rejected"), "Edit and ask again…")
	form = r.reviewed(r.ana, "Applied already, so it cannot change", "merche@example.org")
	if view, err := form.Read(r.ctx()); err != nil || strings.Contains(view.Render(200, nil), "Display name") {
		t.Errorf("what was applied can be changed: %v\n%s", err, view.Render(200, nil))
	}
	_, err = form.Fill(r.ctx(), "Domains", "merche.example")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.press(r.bo, r.read(r.bo, "Deploy · merche.example: approval needed"), "Approve")
	r.read(r.ana, "Merche Biche is live.", "merche.example")
	third := r.run("merche-biche")
	if got := third.Request; got.Email != "merche@example.org" || got.DisplayName != "Merche Biche" ||
		len(got.Domains) != 1 || got.Domains[0].Name != "merche.example" {
		t.Errorf("%+v", got)
	}
	r.noRefusals()
}

// TestTheFormBeginsWithTheLastRequest continues a cancelled run by its slug alone.
func TestTheFormBeginsWithTheLastRequest(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	first := r.run("merche-biche")
	trouble := r.read(r.bo, "Database: approval needed")
	r.rejects(r.bo, trouble, "Not today")
	r.press(r.ana, r.read(r.ana, "Database was rejected"), "Cancel run")
	r.read(r.ana, "The run was cancelled")
	if _, err := r.ana.Type(r.ctx(), "ops", "/onboard merche-biche"); err != nil {
		t.Fatal(err)
	}
	form := r.reviewed(r.ana, "This is the last request for", "merche-biche@example.com", "merche-biche.com")
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.bo, "Database: approval needed", "[Approve]")
	if second := r.run("merche-biche"); second.ID == first.ID || second.State != onboarding.RunActive {
		t.Errorf("%+v", second.Run)
	}
	r.noRefusals()
}

// TestSomebodyCoversForAnApprover mentions who covers while somebody is away.
func TestSomebodyCoversForAnApprover(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(w *workspace.Config, _ *onboarding.Policy, _ *access.Config) {
		for i := range w.App.Commands {
			w.App.Commands[i].ShouldEscape = true // as in the manifest
		}
	})
	for _, c := range []struct{ typed, want string }{
		{"away", "sends your direct messages and mentions to somebody else"},
		{"away until=2001-01-01 cover=@cleo", "is not a date within the next year"},
		{"away until=tomorrow cover=@cleo", "is not a date within the next year"},
		{"away cover=@cleo", "Say until when"},
		{"away till=2001-01-01", "isn't a known key"},
		{"away off", "You are not away."},
	} {
		if answer := r.say(r.bo, "ops", c.typed); !strings.Contains(answer, c.want) {
			t.Errorf("%s: %s, want %s", c.typed, answer, c.want)
		}
	}
	until := time.Now().AddDate(0, 0, 3).UTC().Format(time.DateOnly)
	if answer := r.say(r.bo, "ops", "away until="+until+" cover=@gus"); !strings.Contains(answer,
		"is not an operator") {
		t.Errorf("a guest covers: %s", answer)
	}
	if answer := r.say(r.bo, "ops", "away until="+until+" cover=@ana"); !strings.Contains(answer,
		"@Ana Ortiz gets your direct messages and mentions") {
		t.Errorf("%s", answer)
	}
	if answer := r.say(r.cleo, "ops", "away"); !strings.Contains(answer, "@Bo Lindqvist is away until") {
		t.Errorf("%s", answer)
	}
	must(t, r.service.Absences.Begin(t.Context(), workspace.Cleo, workspace.Bo, time.Now().Add(time.Hour)))
	r.begin("merche-biche")
	// Bo covers for Cleo. That his own messages go to somebody else changes nothing about hers.
	r.read(r.bo, "Database: approval needed", "must decide: @operators or @Bo Lindqvist")
	r.noRefusals()
}

// TestATryLeavesItsRequest fails in preflight, is cancelled while it asks, and is undone. Each
// time there is a way to a form with what was typed, and the bot says which.
func TestATryLeavesItsRequest(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() {
		r.platform.perDomain = nil
		r.platform.broken["merche-biche/preflight"] = errors.New("merche-biche.com has no zone")
	})
	r.begin("merche-biche")
	r.press(r.ana, r.read(r.ana, "Preflight failed", "merche-biche.com has no zone"), "Edit and ask again…")
	form := r.reviewed(r.ana, "Edit the request", "merche-biche@example.com")
	r.platform.set(func() { delete(r.platform.broken, "merche-biche/preflight") })
	_, err := form.Fill(r.ctx(), "Domains", "merche.example")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.bo, "Database: approval needed")
	answer := r.say(r.bo, "ops", "merche-biche")
	if !strings.Contains(answer, "To correct the request, cancel") {
		t.Errorf("an active run: %s", answer)
	}
	opened := func() *workspace.Form {
		t.Helper()
		form := r.open(r.bo, "merche-biche")
		view, err := form.Read(r.ctx())
		must(t, err)
		text := view.Render(300, nil)
		for _, want := range []string{"This is the last request for", "merche-biche@example.com", "merche.example"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in the form:\n%s", want, text)
			}
		}
		return form
	}
	must(t, r.service.Cancel(t.Context(), r.run("merche-biche").ID, workspace.Ana))
	r.read(r.ana, "The run was cancelled", "Nothing was applied",
		"`/onboard merche-biche` opens the form with this request")
	if out := r.submit(opened()); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.press(r.cleo, r.read(r.cleo, "Database: approval needed", "[Approve]"), "Approve")
	r.read(r.ana, "Merche Biche is live.")
	out, err := r.ana.Type(r.ctx(), "ops", "/onboard undo merche-biche")
	must(t, err)
	r.press(r.ana, *out.Message, "Undo, keep certificates")
	r.press(r.bo, r.read(r.bo, "Database: approval needed", "Delete Merche Biche"), "Approve")
	r.read(r.ana, "The onboarding of Merche Biche is undone",
		"`/onboard merche-biche` opens the form with the same request")
	opened()
	r.noRefusals()
}
