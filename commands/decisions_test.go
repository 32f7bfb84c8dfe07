package commands_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

func TestWhoMayNotDecide(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.ana, "Database: approval needed")
	for _, c := range []struct{ who, want string }{
		{workspace.Ana, "your own request"},
		{workspace.Gus, "guests are not allowed to"},
		{workspace.Fay, "people of other workspaces are not allowed to"},
	} {
		who := workspace.As(r, c.who)
		for _, button := range []string{"Approve", "Reject…"} {
			r.press(who, question, button)
			answer := r.readPrivate(who, c.want)
			if answer.ThreadTS != question.ThreadTS {
				t.Errorf("%s is answered in thread %q", c.who, answer.ThreadTS)
			}
			if screen, err := who.Screen(r.ctx()); err != nil || len(screen.Modals) > 0 {
				t.Errorf("%s sees a form: %v %v", c.who, screen.Modals, err)
			}
		}
	}
	if approval := r.run("merche-biche").Approvals[0]; approval.State != onboarding.ApprovalOpen ||
		len(approval.Votes) != 0 {
		t.Errorf("the approval is %s with %d votes", approval.State, len(approval.Votes))
	}
	r.noRefusals()
}

func TestRejectedWithAReason(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	r.press(r.bo, question, "Reject…")
	form, err := r.bo.Modal(r.ctx())
	must(t, err)
	_, err = form.Fill(r.ctx(), "Why not?", "   ")
	must(t, err)
	if said := r.wrong(form); !strings.Contains(said, "Give a reason") {
		t.Errorf("without a reason: %s", said)
	}
	r.press(r.bo, question, "Reject…")
	form, err = r.bo.Modal(r.ctx())
	must(t, err)
	_, err = form.Fill(r.ctx(), "Why not?", "Wait for <!channel>")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Database: rejected", "Rejected by @Bo Lindqvist", "Wait for <!channel>")
	trouble := r.read(r.ana, "Database was rejected by @Bo Lindqvist", "Retry requests approval again")
	r.press(r.ana, trouble, "Retry")
	r.read(r.ana, "Database was rejected", "Retried by @Ana Ortiz")
	r.read(r.ana, "Database: approval needed")
	r.noRefusals()
}

func TestTheSecondClickChangesNothing(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	hold := make(chan struct{})
	r.platform.set(func() { r.platform.hold["merche-biche/database"] = hold })
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	var wait sync.WaitGroup
	for _, who := range []*workspace.Person{r.bo, r.cleo} {
		wait.Go(func() {
			if _, err := who.Press(r.ctx(), question, "Approve"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	late := r.bo
	votes := r.run("merche-biche").Approvals[0].Votes
	if len(votes) != 1 {
		t.Fatalf("%d votes", len(votes))
	}
	if votes[0].By.ID == workspace.Bo {
		late = r.cleo
	}
	r.readPrivate(late, "already approved this", "Your press changed nothing")
	r.read(r.ana, "Database: in progress", "In progress for")
	close(hold)
	r.read(r.ana, "Database: done")
	r.noRefusals()
}

func TestTwoApproversAndAReason(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
		domain.Rules = map[onboarding.Kind]onboarding.Rule{"database": {Approvers: 2, Reason: true}}
	})
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed", "2 different operators must decide")
	for i, who := range []*workspace.Person{r.bo, r.cleo} {
		r.press(who, question, "Approve")
		form, err := who.Modal(r.ctx())
		must(t, err)
		_, err = form.Fill(r.ctx(), "Why?", "Seen with Merche")
		must(t, err)
		if out := r.submit(form); !out.Closed {
			t.Fatalf("%+v", out)
		}
		if i == 0 {
			r.read(r.ana, "Approved by @Bo Lindqvist", "1 of 2",
				"One more operator must decide: @operators or @Cleo Park")
		}
	}
	r.read(r.ana, "Database: done", "2 of 2")
	r.noRefusals()
}

func TestTheTargetChangesAfterAnApproval(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	r.platform.set(func() { r.platform.version["merche-biche/database"] = "moved" })
	r.press(r.bo, question, "Approve")
	r.read(r.ana, "Database: not applied, because the target changed after this was approved")
	again := r.read(r.bo, "Database: approval needed", "What changed since the approval", "moved")
	r.press(r.bo, again, "Approve")
	r.read(r.ana, "Database: done", "What changed since the approval")
	r.noRefusals()
}

func TestAFailureIsShownAndRetried(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.broken["merche-biche/database"] = textError("constraint <users> violated") })
	r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	trouble := r.read(r.ana, "Database failed.", "@Ana Ortiz, this is the error", "constraint <users> violated",
		"line d of merche-biche/database")
	r.read(r.ana, "🔴 Onboarding Merche Biche", "failed: constraint <users> violated")
	if _, err := r.ana.WaitMessage(r.ctx(), "ops", func(m workspace.Message) bool {
		return len(m.Files) == 1 && strings.HasPrefix(m.Files[0].Name, "database-") && m.ThreadTS == trouble.ThreadTS
	}); err != nil {
		t.Error(err)
	}
	out := r.press(r.bo, trouble, "Retry")
	if out.Confirm != nil {
		t.Error("Retry asks before it looks")
	}
	r.platform.set(func() { delete(r.platform.broken, "merche-biche/database") })
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	r.read(r.ana, "Database: done")
	r.noRefusals()
}

type textError string

func (e textError) Error() string { return string(e) }

func TestCancelledFromTheThread(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.broken["merche-biche/database"] = textError("no") })
	r.begin("merche-biche")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	trouble := r.read(r.ana, "Database failed.")
	if _, err := r.ana.PressAndDecline(r.ctx(), trouble, "Cancel run"); err != nil {
		t.Fatal(err)
	}
	if out := r.press(r.ana, trouble, "Cancel run"); out.Confirm == nil ||
		!strings.Contains(out.Confirm.Text, "applied changes stay in place") {
		t.Errorf("%+v", out.Confirm)
	}
	r.read(r.ana, "The run was cancelled by @Ana Ortiz", "Tried, perhaps applied in part: Database")
	r.read(r.ana, "⚪ Onboarding Merche Biche")
	r.noRefusals()
}

// TestARefusalThatCannotBeRecorded has an audit trail that takes no refusals. Whoever is refused
// reads that something is wrong, and the log says what.
func TestARefusalThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	_, err := r.pool.Exec(r.ctx(), `ALTER TABLE events ADD CONSTRAINT broken CHECK (kind <> 'refused') NOT VALID`)
	must(t, err)
	for _, who := range []string{workspace.Gus, workspace.Fay, workspace.Ana} {
		person := workspace.As(r, who)
		r.press(person, question, "Approve")
		r.readPrivate(person, "Something went wrong in the bot")
	}
	if votes := r.run("merche-biche").Approvals[0].Votes; len(votes) > 0 {
		t.Errorf("%v", votes)
	}
}

// TestAnApprovalExpires takes as long as River's scheduler, which looks every 5 s for jobs whose
// time has come.
func TestAnApprovalExpires(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
		domain.ApprovalLife, domain.RemindBefore = 8*time.Second, 8*time.Second-time.Millisecond
	})
	r.begin("merche-biche")
	r.read(r.bo, "Database still needs a decision", "@Cleo Park")
	trouble := r.read(r.ana, "Nobody decided on Database in time.")
	r.read(r.bo, "Database: nobody decided in time")
	r.press(r.ana, trouble, "Retry")
	r.read(r.ana, "Nobody decided on Database in time.", "Retried by @Ana Ortiz")
	r.noRefusals()
}

// TestOldButtons presses what a person still sees while Slack holds back the updates.
func TestOldButtons(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	first := r.read(r.bo, "Database: approval needed")
	must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultRateLimit, Method: "chat.update", Times: 1000,
		RetryAfter: time.Hour}))
	r.platform.set(func() { r.platform.version["merche-biche/database"] = "moved" })
	r.press(r.bo, first, "Approve")
	second := r.read(r.bo, "Database: approval needed", "What changed since the approval")
	r.press(r.bo, first, "Approve")
	r.readPrivate(r.bo, "The new approval request is below in the thread")
	r.platform.set(func() { r.platform.broken["merche-biche/database"] = textError("no") })
	r.press(r.cleo, second, "Approve")
	trouble := r.read(r.ana, "Database failed.")
	r.press(r.bo, second, "Reject…")
	r.readPrivate(r.bo, "@Cleo Park already approved this")
	r.press(r.ana, trouble, "Retry")
	r.read(r.bo, "Database: approval needed", "Approve")
	r.press(r.ana, trouble, "Retry")
	r.readPrivate(r.ana, "Nothing has failed in this run")
	r.press(r.ana, trouble, "Cancel run")
	r.read(r.ana, "The run was cancelled by @Ana Ortiz")
	r.press(r.ana, trouble, "Cancel run")
	r.readPrivate(r.ana, "This run has ended")
}

// TestApproveShowsWhatWasHidden presses Approve on a deployment of which lines are hidden, from
// the message, from the Home tab, and from a review. Only the last page of the change can be sent.
func TestApproveShowsWhatWasHidden(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() {
		r.platform.made["merche-biche/database"] = true
		r.platform.perDomain = []string{"deploy"}
	})
	r.begin("merche-biche")
	question := r.read(r.bo, "Deploy · merche-biche.com: approval needed", "more lines")
	must(t, r.cleo.OpenHome(r.ctx()))
	home, err := r.cleo.Home(r.ctx())
	must(t, err)
	_, err = home.Wait(r.ctx(), has("Deploy · merche-biche.com for Merche Biche"))
	must(t, err)
	_, err = home.Press(r.ctx(), "Approve")
	must(t, err)
	fromHome, err := r.cleo.Modal(r.ctx())
	must(t, err)
	_, err = fromHome.Wait(r.ctx(), has("page 1 of 2", "The button to approve is on the last page."))
	must(t, err)
	if out, err := fromHome.Submit(r.ctx()); err == nil {
		t.Errorf("the first page can be sent: %+v", out)
	}
	r.noVotes("merche-biche")

	r.press(r.bo, question, "Approve")
	form, err := r.bo.Modal(r.ctx())
	must(t, err)
	_, err = form.Press(r.ctx(), "Page 2 →")
	must(t, err)
	_, err = form.Wait(r.ctx(), has("page 2 of 2", "deploy merche-biche.com"))
	must(t, err)
	r.noVotes("merche-biche")
	if out := r.submit(form); !out.Closed {
		t.Errorf("%+v", out)
	}
	r.read(r.ana, "Deploy · merche-biche.com: done", "Approved by @Bo Lindqvist")
	r.noRefusals()
}

func has(words ...string) func(workspace.Modal) bool {
	return func(m workspace.Modal) bool {
		text := m.Render(200, nil)
		for _, word := range words {
			if !strings.Contains(text, word) {
				return false
			}
		}
		return true
	}
}

func TestShowTheWholeChange(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.made["merche-biche/database"] = true })
	r.begin("merche-biche")
	question := r.read(r.bo, "Deploy · merche-biche.com: approval needed")
	r.press(r.bo, question, "Show all")
	form, err := r.bo.Modal(r.ctx())
	must(t, err)
	first, err := form.Read(r.ctx())
	must(t, err)
	if text := first.Render(200, nil); !strings.Contains(text, "page 1 of 2") ||
		!strings.Contains(text, "A commit in deployments/@domains/merche-biche.com") {
		t.Errorf("the first page:\n%.600s", text)
	}
	_, err = form.Press(r.ctx(), "Page 2 →")
	must(t, err)
	_, err = form.Wait(r.ctx(), func(m workspace.Modal) bool {
		text := m.Render(200, nil)
		return strings.Contains(text, "page 2 of 2") && strings.Contains(text, "deploy merche-biche.com")
	})
	must(t, err)
	r.noRefusals()
}
