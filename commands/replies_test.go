package commands

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestPrivateAnswers writes what one person gets as an answer: of each its text and its blocks.
func TestPrivateAnswers(t *testing.T) {
	t.Parallel()
	request, _ := draft{Slug: "merche-biche", Name: "Merche <Biche>", Email: "merche@example.com", Mode: onboarding.ModeOwner, OrgSlug: "m", OrgName: "M & *F*",
		Domains: "merche-biche.com merche.example", Mail: each, Mails: "merche.example: forward me@example.org", Copy: "Hello", Palette: "#fff"}.request(twoHosts)
	asked, stuck, gone := begun(), certbotFailed(), live(merche())
	question := asked.asked("database", insertRows())
	for name, page := range map[string]*sheet{
		"offer":        storyScribe.offer(request, "merche-biche", uuid.MustParse("0198c0de-0000-7000-8000-000000000009")),
		"undo":         storyScribe.askUndo(gone.Run, "envelope"),
		"trail":        storyScribe.trail(stuck.View),
		"long-trail":   storyScribe.trail(stories["huge"]().View),
		"verify":       verified(gone.Run, onboarding.Observation{Findings: append(verifyFindings(), found(onboarding.Failed, "Portal", "502 <Bad Gateway>", "Look at the portal."))}),
		"verify-early": verified(gone.Run, onboarding.Observation{Later: "The success checks come after everything else."}),
		"waiting": storyScribe.waitingFor(home{Waiting: []waiting{{Approval: question, Run: asked.Run, Link: "https://atlilith.slack.com/archives/C0OPS/p1"}},
			Stuck: []listed{{Run: stuck.Run}}, Freeze: &onboarding.Freeze{Reason: "<!here>", By: bo, At: asked.now}}),
		"waiting-nothing": storyScribe.waitingFor(home{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := page.reply()
			checkMessages(t, []outbox.Message{{Key: name, Text: reply.Text, Blocks: reply.Blocks}})
			golden(t, filepath.Join("testdata", "reply", name+".txtar"), txtar.Format(&txtar.Archive{Files: []txtar.File{
				{Name: "text", Data: []byte(reply.Text + "\n")}, {Name: "blocks.json", Data: indented(reply.Blocks)}}}))
		})
	}
}

func TestTrailText(t *testing.T) {
	t.Parallel()
	golden(t, filepath.Join("testdata", "trail.txt"), []byte(trailText(stories["failed and retried"]().View)))
}

// TestFrozenThread writes a thread while a freeze holds.
func TestFrozenThread(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*story{"frozen": begun(), "frozen-approved": begun()} {
		approval := s.asked("database", insertRows())
		if name == "frozen-approved" {
			s.approved(approval, bo)
		}
		frozen := storyScribe.under(&onboarding.Freeze{Reason: "The <registry> is *down*", By: cleo, At: s.now})
		messages := frozen.thread(s.View, s.now)
		checkMessages(t, messages)
		golden(t, filepath.Join("testdata", "thread", name+".txtar"), archive(s.View, messages))
	}
}

// TestDirectMessages writes what approvers get where they are told directly, and that old questions are left alone.
func TestDirectMessages(t *testing.T) {
	t.Parallel()
	direct := storyScribe
	direct.notify, direct.glass = NotifyDirect, true
	s := begun()
	approval := s.asked("database", insertRows())
	s.after(time.Hour).event(onboarding.Event{Kind: onboarding.EventEscalated, Step: "database", Approval: approval.ID})
	messages := direct.direct(s.View, s.now, []string{"U0ANA", "U0BO"}, []string{"U0CLEO"})
	checkMessages(t, messages)
	golden(t, filepath.Join("testdata", "direct.txtar"), archive(s.View, messages))
	approval.State, approval.Closed = onboarding.ApprovalUsed, s.now
	if messages := direct.direct(s.View, s.now.Add(time.Hour), []string{"U0BO"}, nil); len(messages) != 0 {
		t.Errorf("%d messages about what is long settled", len(messages))
	}
}
