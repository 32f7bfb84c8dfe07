package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// windowFixture is a bot with a window for the step database, which opens at a time each day.
func windowFixture(t *testing.T, opens time.Time) *botFixture {
	t.Helper()
	opens = opens.UTC()
	return newFixture(t, func(_ *workspace.Config, policy *onboarding.Policy, _ *access.Config) {
		policy.Calendar.Windows = []windows.Window{{Kinds: []string{"database"}, Duration: time.Hour,
			Rule: fmt.Sprintf("FREQ=DAILY;BYHOUR=%d;BYMINUTE=%d", opens.Hour(), opens.Minute())}}
	})
}

// What is approved outside its window waits, and every surface says until when. A second operator
// can have it applied at once.
func TestAnApprovedChangeWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	opens := time.Now().UTC().Add(3 * time.Hour).Truncate(time.Minute)
	r := windowFixture(t, opens)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed", "Once approved, it is applied only while its window is open.")
	r.press(r.bo, question, "Approve")
	when := "approved, waits until " + windows.Text(opens)
	held := r.read(r.bo, "Database: "+when)
	r.read(r.ana, "Onboarding Merche Biche", "Database – "+when)
	for _, typed := range []string{"status merche-biche", "list"} {
		if answer := r.say(r.ana, "ops", typed); !strings.Contains(answer, when+", in 2h 5") {
			t.Errorf("/onboard %s: %s", typed, answer)
		}
	}
	r.press(r.ana, held, "Apply now")
	r.readPrivate(r.ana, "your own request")
	r.press(r.cleo, held, "Apply now")
	r.read(r.ana, "Database: done", "@Cleo Park pressed Apply now outside its window")
	if answer := r.say(r.ana, "ops", "log merche-biche"); !strings.Contains(answer, "not applied yet: waits until ") ||
		!strings.Contains(answer, "Database: applied outside its window by @Cleo Park") {
		t.Errorf("the log says %s", answer)
	}
	r.noRefusals()
}

// In an open window, an approver can have the change wait for the next one.
func TestApproveForTheNextWindow(t *testing.T) {
	t.Parallel()
	opens := time.Now().UTC().Add(-10 * time.Minute).Truncate(time.Minute)
	r := windowFixture(t, opens)
	r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve for the next window")
	next := opens.AddDate(0, 0, 1)
	r.read(r.bo, "Database: approved, waits until "+windows.Text(next))

	// So does a review, for what has a window, and its box stays ticked when the page is shown
	// again.
	r.begin("ondine")
	r.read(r.bo, "Database: approval needed", "ondine")
	r.say(r.bo, "ops", "review ondine")
	form := r.reviewed(r.bo, "Select all on this page", "Once approved, it is applied only while its window is open.")
	_, err := form.Choose(r.ctx(), "When", "Approve for the next window")
	must(t, err)
	_, err = form.Press(r.ctx(), "Select all on this page")
	must(t, err)
	form = r.reviewed(r.bo, "[x] Approve for the next window", "[x] Approve · digest")
	if out := r.submit(form); out.Modal == nil || !strings.Contains(out.Modal.Render(200, nil),
		"2 of 2 changes are approved. Those that have a window wait for the next one.") {
		t.Fatalf("%+v", out)
	}
	for _, approval := range r.run("ondine").Approvals {
		want := time.Time{}
		if approval.Step == "database" {
			want = next
		}
		if until := approval.NotBefore(); !until.Equal(want) {
			t.Errorf("%s waits until %s, want %s", approval.Step, until, want)
		}
	}
	r.noRefusals()
}

// An undo can wait for a time as well, and says so from the question on.
func TestAnUndoWaitsForItsTime(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.perDomain = nil })
	r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	r.read(r.ana, "Merche Biche is live.")
	if answer := r.say(r.ana, "ops", "undo merche-biche at=soon"); !strings.Contains(answer, "soon is not a time.") {
		t.Errorf("answered %s", answer)
	}
	out, err := r.ana.Type(r.ctx(), "ops", "/onboard undo merche-biche at=\"tomorrow 23:30 Asia/Tokyo\"")
	must(t, err)
	if out.Message == nil || !strings.Contains(out.Message.Render(200, nil), "No approved change is applied before ") {
		t.Fatalf("%+v", out)
	}
	r.press(r.ana, *out.Message, "Undo, keep certificates")
	r.read(r.ana, "Undoing the onboarding of Merche Biche", "No approved change is applied before ",
		" 23:30 Asia/Tokyo")
	r.press(r.bo, r.read(r.bo, "Database: approval needed", "Delete Merche Biche", "No approved change is applied"),
		"Approve")
	r.read(r.bo, "Database: approved, waits until ", " 23:30 Asia/Tokyo")
	r.noRefusals()
}

// A time behind the command is read in the time zone that the person has in Slack, and the form,
// the confirmation and the thread say so.
func TestATimeBehindTheCommand(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	const whole = `merche-biche name="Merche Biche" email=m@example.com mode=person domains=merche.example `
	form := r.open(r.ana, whole+"at=soon")
	view, err := form.Read(r.ctx())
	must(t, err)
	if text := view.Render(300, nil); !strings.Contains(text, "soon is not a time. Write 02:00, ") {
		t.Errorf("the form:\n%s", text)
	}
	_, err = form.Dismiss(r.ctx())
	must(t, err)
	zone, err := time.LoadLocation("Etc/UTC")
	must(t, err)
	at := time.Now().In(zone).Add(26 * time.Hour).Truncate(time.Minute)
	from := "No approved change is applied before " + windows.Text(at) + "."
	answer := r.say(r.ana, "ops", whole+at.Format("at=2006-01-02T15:04"))
	if !strings.Contains(answer, from) || !strings.Contains(answer, "your time zone in Slack") {
		t.Errorf("answered %s", answer)
	}
	r.press(r.ana, r.confirmation(r.ana, whole), "Start")
	r.read(r.ana, "Onboarding Merche Biche", from)
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	r.read(r.bo, "Database: approved, waits until "+windows.Text(at))
	if run := r.run("merche-biche"); run.Request.At == nil || !run.Request.At.Time.Equal(at) {
		t.Errorf("the request has %v", run.Request.At)
	}
	form = r.open(r.ana, "ondine "+at.Format("at=15:04"))
	r.fill(form, "Ondine", "ondine@example.com")
	fill := func(typed string) workspace.Outcome {
		t.Helper()
		_, err := form.Fill(r.ctx(), "Apply no change before", typed)
		must(t, err)
		return r.submit(form)
	}
	if out := fill("yesterday"); !strings.Contains(out.Errors["at"], "yesterday is not a time.") {
		t.Errorf("at the time: %+v", out)
	}
	if out := fill("2020-01-01 02:00"); !strings.Contains(out.Errors["at"], "has passed. Without a time,") {
		t.Errorf("at the time: %+v", out)
	}
	if out := fill("tomorrow 23:30 Asia/Tokyo"); !out.Closed {
		t.Fatalf("the form stays open: %+v", out)
	}
	r.read(r.ana, "Onboarding Ondine", "No approved change is applied before ", " 23:30 Asia/Tokyo")

	// What is typed and not sent is a draft, and an empty input is no time.
	form = r.open(r.ana, "perla "+at.Format("at=15:04"))
	r.fill(form, "Perla", "perla@example.com")
	_, err = form.Dismiss(r.ctx())
	must(t, err)
	form = r.open(r.bo, "perla")
	view, err = form.Read(r.ctx())
	must(t, err)
	if text := view.Render(300, nil); !strings.Contains(text, at.Format("15:04 ")+zone.String()) {
		t.Errorf("the form:\n%s", text)
	}
	if out := fill(""); !out.Closed {
		t.Fatalf("the form stays open: %+v", out)
	}
	if run := r.run("perla"); run.Request.At != nil {
		t.Errorf("the request has %v", run.Request.At)
	}
	r.noRefusals()
}
