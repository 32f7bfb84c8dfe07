package render

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestPrivateAnswers compares private answers with their golden files.
func TestPrivateAnswers(t *testing.T) {
	t.Parallel()
	asked, stuck, gone := preflightDone(), certbotFailed(), live(merche())
	question := asked.asked("database", insertRows())
	for name, page := range map[string]*mrkdwn.Builder{
		"undo":       UndoPage(gone.Run, gone.Request.At, "undo/envelope"),
		"trail":      testRenderer.AuditLog(stuck.View),
		"long-trail": testRenderer.AuditLog(scenarios["huge"]().View),
		"verify": VerifyPage(gone.Run,
			onboarding.Observation{Findings: append(verifyFindings(),
				found(onboarding.Failed, "Portal", "502 <Bad Gateway>", "Look at the portal."))}),
		"verify-early": VerifyPage(gone.Run,
			onboarding.Observation{Later: "the success checks run after all other steps"}),
		"verify-cancelled": VerifyPage(preflightDone().cancelled(ana).Run,
			onboarding.Observation{Later: "the success checks run after all other steps"}),
		"waiting": testRenderer.WaitingFor(
			Home{Waiting: []PendingDecision{{Approval: question, Run: asked.Run,
				Link: "https://atlilith.slack.com/archives/C0OPS/p1"}},
				Stuck:  []ListedRun{{Run: stuck.Run}},
				Freeze: &onboarding.Freeze{Reason: "<!here>", By: bo, At: asked.now}}),
		"unreachable":     testRenderer.Unreachable(asked.Run, "is_archived"),
		"waiting-nothing": testRenderer.WaitingFor(Home{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := page.Reply()
			golden.CheckMessages(t, []post.Message{{Key: name, Text: reply.Text, Blocks: reply.Blocks}})
			golden.Compare(t, filepath.Join("testdata", "reply", name+".txtar"),
				txtar.Format(&txtar.Archive{Files: []txtar.File{
					{Name: "text", Data: []byte(reply.Text + "\n")},
					{Name: "blocks.json", Data: golden.Indented(reply.Blocks)}}}))
		})
	}
}

func TestAuditLogText(t *testing.T) {
	t.Parallel()
	golden.Compare(t, filepath.Join("testdata", "trail.txt"),
		[]byte(AuditLogText(scenarios["failed and retried"]().View, map[uuid.UUID]string{
			uuid.MustParse("0198c0de-0000-7000-8000-000000000201"): "all of \x1b[31mits\x1b[0m output\n"})))
}

// TestFrozenThread renders a thread while a freeze holds.
func TestFrozenThread(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*scenario{"frozen": preflightDone(), "frozen-approved": preflightDone()} {
		approval := s.asked("database", insertRows())
		if name == "frozen-approved" {
			s.approved(approval, bo)
		}
		s.Freeze = &onboarding.Freeze{Reason: "The <registry> is *down*", By: cleo, At: s.now}
		messages := testRenderer.Thread(s.View, s.now)
		golden.CheckMessages(t, messages)
		golden.Compare(t, filepath.Join("testdata", "thread", name+".txtar"), golden.Archive(RootKey(s.ID), messages))
	}
}

// TestWaitingForAWindow renders a thread whose change waits for its window, and then does not.
func TestWaitingForAWindow(t *testing.T) {
	t.Parallel()
	renderer := testRenderer
	renderer.HasWindows = func(*onboarding.Run, *onboarding.Approval) bool { return true }
	s := preflightDone()
	s.Request.At = &onboarding.Moment{Time: s.now.Add(16 * time.Hour), Zone: "Europe/Berlin"}
	approval := s.asked("database", insertRows())
	check := func(name string) {
		t.Helper()
		messages := renderer.Thread(s.View, s.now)
		golden.CheckMessages(t, messages)
		golden.Compare(t, filepath.Join("testdata", "thread", name+".txtar"), golden.Archive(RootKey(s.ID), messages))
	}
	check("window-asked")
	s.approved(approval, bo)
	s.step("database", onboarding.StepApproved, "waits until Tue 24 Nov 02:30 Europe/Berlin").Due = s.Request.At.Time
	check("window-approved")
	s.event(onboarding.Event{Kind: onboarding.EventApplyNow, Step: "database", Actor: cleo, Approval: approval.ID})
	s.step("database", onboarding.StepApplying, "").Due = time.Time{}
	check("window-applied-now")
}

// TestDirectMessages checks the direct messages to approvers, and that those about old requests
// are not updated.
func TestDirectMessages(t *testing.T) {
	t.Parallel()
	direct := testRenderer
	direct.Mentions, direct.BreakGlass = false, true
	s := preflightDone()
	direct = direct.WithLinks(map[uuid.UUID]string{s.ID: "https://merche.slack.com/archives/C0OPS/p1"})
	approval := s.asked("database", insertRows())
	s.after(time.Hour).event(onboarding.Event{Kind: onboarding.EventEscalated, Step: "database",
		Approval: approval.ID})
	messages := direct.Direct(s.View, s.now, []string{"U0ANA", "U0BO"}, []string{"U0CLEO"})
	golden.CheckMessages(t, messages)
	golden.Compare(t, filepath.Join("testdata", "direct.txtar"), golden.Archive(RootKey(s.ID), messages))
	approval.State, approval.Closed = onboarding.ApprovalUsed, s.now
	if messages := direct.Direct(s.View, s.now.Add(time.Hour), []string{"U0BO"}, nil); len(messages) != 0 {
		t.Errorf("%d messages about what is long settled", len(messages))
	}
}

// TestReplies compares the blocks of private answers with their golden files.
func TestReplies(t *testing.T) {
	t.Parallel()
	plan := &onboarding.Plan{Request: merche(), Steps: []onboarding.Planned{
		{Definition: onboarding.Definition{Key: "preflight", Title: "Preflight"}, Done: true,
			Findings: preflightFindings()},
		{Definition: onboarding.Definition{Key: "database", Title: "Database rows", Destructive: true},
			Change: insertRows()},
		{Definition: onboarding.Definition{Key: "deploy/merche-biche.com", Title: "Deploy merche-biche.com",
			Destructive: true}, Change: deploy()},
	}}
	planned, _ := PlanPage(plan)
	var confirm mrkdwn.Builder
	confirm.Say("Cancel?")
	confirm.Buttons("cancel", blockkit.Button(ActionCancel, uuid.Nil.String(), "Cancel run", slack.StyleDanger),
		blockkit.Button(ActionKeep, uuid.Nil.String(), "Keep running", ""))
	for name, reply := range map[string]post.Reply{
		"plan":   planned.Reply(),
		"status": testRenderer.Status(scenarios["certbot failed"]().View, "").Reply(), "cancel": confirm.Reply(),
	} {
		golden.CheckMessages(t, []post.Message{{Key: name, Text: reply.Text, Blocks: reply.Blocks}})
		golden.Compare(t, filepath.Join("testdata", "reply", name+".json"), golden.Indented(reply.Blocks))
	}
}
