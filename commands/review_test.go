package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// reviewed waits until somebody's review is filled and shows the words.
func (r *botFixture) reviewed(who *workspace.Person, words ...string) *workspace.Form {
	r.t.Helper()
	form, err := who.Modal(r.ctx())
	must(r.t, err)
	names := r.names()
	_, err = form.Wait(r.ctx(), func(m workspace.Modal) bool {
		text := m.Render(300, names)
		for _, word := range words {
			if !strings.Contains(text, word) {
				return false
			}
		}
		return true
	})
	must(r.t, err)
	return form
}

func TestApprovedAhead(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	hold := make(chan struct{})
	r.platform.set(func() { r.platform.hold["merche-biche/database"] = hold })
	root := r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	r.read(r.ana, "Database: in progress")

	// The requester may read and not decide.
	r.press(r.ana, root, "Review all")
	form := r.reviewed(r.ana, "Deploy · merche-biche.com", "your own request")
	if view, err := form.Read(r.ctx()); err != nil || view.Submit != "" {
		t.Errorf("the requester may submit %q: %v", view.Submit, err)
	}
	_, err := form.Dismiss(r.ctx())
	must(t, err)

	if answer := r.say(r.cleo, "ops", "review merche-biche"); answer != "" {
		t.Fatalf("%s", answer)
	}
	form = r.reviewed(r.cleo, "Deploy · merche-biche.com", "Approve · digest")
	if said := r.wrong(form); !strings.Contains(said, "Select the changes that you approve") {
		t.Errorf("nothing is ticked: %s", said)
	}
	r.say(r.cleo, "ops", "review merche-biche")
	form = r.reviewed(r.cleo, "Deploy · merche-biche.com", "Approve · digest")
	run := r.run("merche-biche")
	var ahead *onboarding.Approval
	for _, approval := range run.Approvals {
		if approval.State == onboarding.ApprovalAhead {
			ahead = approval
		}
	}
	if ahead == nil {
		t.Fatal("nothing can be decided ahead")
	}
	_, err = form.Press(r.ctx(), "Show all")
	must(t, err)
	top := r.reviewed(r.cleo, "page 1 of 2")
	_, err = top.Cancel(r.ctx())
	must(t, err)
	_, err = form.Choose(r.ctx(), "Deploy · merche-biche.com", "Approve · digest "+ahead.Digest.Short())
	must(t, err)
	if out := r.submit(form); out.Modal == nil ||
		!strings.Contains(out.Modal.Render(80, nil), "1 of 1 changes are approved") {
		t.Fatalf("%+v", out)
	}
	_, err = form.Press(r.ctx(), "Back to the review")
	must(t, err)
	form = r.reviewed(r.cleo, "Approved by @Cleo Park")
	_, err = form.Dismiss(r.ctx())
	must(t, err)
	r.read(r.ana, "@Cleo Park approved 1 change in advance", "Deploy · merche-biche.com")
	r.read(r.ana, "Onboarding Merche Biche", "approved in advance by cleo")
	close(hold)
	r.read(r.ana, "Deploy · merche-biche.com: done", "Approved by @Cleo Park")
	r.read(r.ana, "Merche Biche is live.")
	r.noRefusals()
}

// TestSelectionsSurvivePages selects 16 changes on one page, turns to the next, selects all of a
// domain there, and goes back and forth.
func TestSelectionsSurvivePages(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.perDomain = []string{"dns", "upload"} })
	domains := []string{"merche-biche.com"}
	for i := range 8 {
		domains = append(domains, fmt.Sprintf("m%d.example", i))
	}
	form := r.open(r.ana, "merche-biche domains="+strings.Join(domains, ","))
	r.fill(form, "Merche Biche", "merche@example.com")
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.bo, "Database: approval needed")
	r.say(r.bo, "ops", "review merche-biche")
	form = r.reviewed(r.bo, "Select all on this page")
	press := func(button string, words ...string) {
		t.Helper()
		_, err := form.Press(r.ctx(), button)
		must(t, err)
		form = r.reviewed(r.bo, words...)
	}
	press("Select all on this page", "[x] Approve · digest")
	press("Page 2 →", "Also selected, on other pages: Database, Dns · merche-biche.com")
	press("Select all of m7.example", "[x] Approve · digest")
	press("← Page 1", "Also selected, on other pages: Dns · m7.example, Deploy · m7.example")
	for _, approval := range r.run("merche-biche").Approvals {
		if approval.Step == "database" {
			_, err := form.Choose(r.ctx(), "Database") // nothing, which clears the box
			must(t, err)
		}
	}
	press("Page 2 →", "Also selected, on other pages: Dns · merche-biche.com")
	if out := r.submit(form); out.Modal == nil ||
		!strings.Contains(out.Modal.Render(80, nil), "17 of 17 changes are approved") {
		t.Fatalf("%+v", out)
	}
	for _, approval := range r.run("merche-biche").Approvals {
		selected := approval.Step != "database" && approval.Step != "upload/m6.example"
		if selected != (len(approval.Votes) == 1) {
			t.Errorf("%s has %d votes", approval.Step, len(approval.Votes))
		}
	}
	r.noRefusals()
}

func TestAReviewThatNeedsReasons(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
		domain.Rules = map[onboarding.Kind]onboarding.Rule{"upload": {Reason: true, Approvers: 2}}
	})
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	selected := func() *workspace.Form {
		r.say(r.bo, "ops", "review merche-biche")
		form := r.reviewed(r.bo, "Why?")
		for _, approval := range r.run("merche-biche").Approvals {
			label := "Database"
			if approval.Step.Kind() == "upload" {
				label = "Deploy · merche-biche.com"
			}
			_, err := form.Choose(r.ctx(), label, "Approve · digest "+approval.Digest.Short())
			must(t, err)
		}
		return form
	}
	if said := r.wrong(selected()); !strings.Contains(said, "Give a reason") {
		t.Error(said)
	}
	form := selected()
	_, err := form.Fill(r.ctx(), "Why?", "Seen <!channel> with Merche")
	must(t, err)
	if out := r.submit(form); out.Modal == nil || !strings.Contains(out.Modal.Render(80, nil), "2 of 2 changes") {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Database: done")
	r.read(r.ana, "Deploy · merche-biche.com: approval needed", "1 of 2", "One more operator must decide")
	r.noRefusals()
}

func TestFrozen(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	root := r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	out, err := r.cleo.Type(r.ctx(), "ops", "/onboard freeze The <registry> is down & out")
	must(t, err)
	if out.Message == nil || out.Message.Ephemeral {
		t.Errorf("a freeze is private: %+v", out)
	}
	r.read(r.ana, "Database: approval needed", "Frozen by @Cleo Park", "The <registry> is down & out")
	r.press(r.bo, question, "Approve")
	r.read(r.ana, "Database: approved, held by the freeze")
	if message := r.read(r.ana, "Onboarding Merche Biche", "Frozen by"); message.TS != root.TS {
		t.Error("the root does not say it")
	}
	if answer := r.say(r.bo, "ops", "freeze again"); !strings.Contains(answer, "Already frozen by @Cleo Park since") {
		t.Errorf("twice: %s", answer)
	}
	if _, err := r.bo.Type(r.ctx(), "ops", "/onboard thaw"); err != nil {
		t.Fatal(err)
	}
	r.read(r.ana, "Database: done")
	r.noRefusals()
}

func TestBreakingTheGlass(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy,
		_ *access.Config) {
		domain.BreakGlass = true
	})
	r.begin("merche-biche")
	question := r.read(r.ana, "Database: approval needed", "Break the glass")
	r.press(r.ana, question, "Break the glass…")
	form, err := r.ana.Modal(r.ctx())
	must(t, err)
	_, err = form.Fill(r.ctx(), "What is the emergency?", "Everyone is on a *plane*")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "@Ana Ortiz broke the glass on Database", "Everyone is on a ∗plane∗",
		"Skipped approvers, please review it now: @operators, @Cleo Park")
	r.read(r.ana, "Database: done")
	r.noRefusals()
}

func TestApproversGetDirectMessages(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy, config *access.Config) {
		config.Notify, config.EscalateTo = access.NotifyDirect, []string{workspace.Cleo}
		config.Approvers = []string{workspace.OpsGroup}
		domain.ApprovalLife, domain.EscalateAfter = time.Hour, time.Second
		domain.RemindBefore = time.Minute
	})
	r.begin("merche-biche")
	question, err := r.bo.WaitText(r.ctx(), "", "Database: approval needed", "For Merche Biche",
		"requested by @Ana Ortiz in #ops")
	must(t, err)
	if text := r.read(r.ana, "Database: approval needed").Render(200, nil); strings.Contains(text, "@operators") {
		t.Errorf("the thread mentions them too:\n%s", text)
	}
	r.read(r.ana, "Escalated: nobody has decided on Database")
	_, err = r.cleo.WaitText(r.ctx(), "", "Escalated: nobody has decided on Database", "in #ops (thread")
	must(t, err)
	r.press(r.bo, question, "Approve")
	_, err = r.bo.WaitText(r.ctx(), "", "Database: done")
	must(t, err)
	if messages, err := r.ana.Read(r.ctx(), ""); err == nil && len(messages) > 0 {
		t.Errorf("the requester is asked: %+v", messages)
	}
	r.noRefusals()
}

func TestAuditLogVerifyAndUndo(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	if answer := r.say(r.bo, "ops", "undo merche-biche"); !strings.Contains(answer, "is active") {
		t.Errorf("undo of an active run: %s", answer)
	}
	r.press(r.cleo, r.read(r.cleo, "Deploy · merche-biche.com: approval needed"), "Approve")
	r.read(r.ana, "Merche Biche is live.")
	if answer := r.say(r.bo, "ops", "verify merche-biche"); !strings.Contains(answer,
		"Merche Biche (`merche-biche`): 1 of 1 passed.") {
		t.Errorf("verify: %s", answer)
	}
	if answer := r.say(r.bo, "ops", "plan merche-biche"); !strings.Contains(answer, "No step would change anything.") {
		t.Errorf("the plan of a live Provider: %s", answer)
	}
	r.platform.set(func() { delete(r.platform.made, "merche-biche/database") })
	if answer := r.say(r.bo, "ops", "plan merche-biche"); !strings.Contains(answer, "1 of 4 steps would change") {
		t.Errorf("the plan of a live Provider whose row is gone: %s", answer)
	}
	r.platform.set(func() { r.platform.made["merche-biche/database"] = true })
	answer := r.say(r.bo, "ops", "log merche-biche")
	for _, want := range []string{"requested by @Ana Ortiz", "Database: approved by @Bo Lindqvist", "Database: done",
		"finished"} {
		if !strings.Contains(answer, want) {
			t.Errorf("%q is not in the log:\n%s", want, answer)
		}
	}
	file, err := r.bo.WaitMessage(r.ctx(), "", func(m workspace.Message) bool { return len(m.Files) == 1 })
	must(t, err)
	if text := string(file.Files[0].Data); !strings.Contains(text, "bo (U0BO)") ||
		!strings.Contains(text, "INSERT INTO users") || !strings.Contains(text, "sha256:") {
		t.Errorf("the file:\n%s", text)
	}
	out, err := r.ana.Type(r.ctx(), "ops", "/onboard undo merche-biche")
	must(t, err)
	if pressed := r.press(r.ana, *out.Message, "Undo, delete certificates"); pressed.Confirm == nil {
		t.Error("nobody asks whether the certificates are to go")
	}
	r.readPrivate(r.ana, "Undoing the onboarding of `merche-biche`")
	r.press(r.bo, r.read(r.bo, "Database: approval needed", "DELETE FROM users"), "Approve")
	r.read(r.ana, "The onboarding of Merche Biche is undone.")
	if answer := r.say(r.bo, "ops", "undo merche-biche"); !strings.Contains(answer, "is already undone") {
		t.Errorf("undo twice: %s", answer)
	}
	r.read(r.bo, "⚪ Onboarding Merche Biche", "Undone", "undo")
	r.read(r.bo, "⚪ Undoing the onboarding of Merche Biche", "It undoes", "this onboarding")
	r.read(r.bo, "Merche Biche went live.", "Undone")
	for _, typed := range []string{"list", "status merche-biche", "verify merche-biche"} {
		if answer := r.say(r.bo, "ops", typed); strings.Contains(answer, "Live") || strings.Contains(answer, "🟢") ||
			!strings.Contains(strings.ToLower(answer), "undone") {
			t.Errorf("%s after the undo:\n%s", typed, answer)
		}
	}
	if run := r.run("merche-biche"); run.Undoes == nil || !run.Undoes.DeleteCertificates {
		t.Errorf("%+v", run.Undoes)
	}
	r.noRefusals()
}
