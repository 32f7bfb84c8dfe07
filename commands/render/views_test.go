package render

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestViews compares the modals that show a run with their golden files and Slack's limits.
func TestViews(t *testing.T) {
	t.Parallel()
	for name, view := range map[string]slack.ModalViewRequest{
		"reject":      ConfirmForm(reasonNeeded(), Rejecting, 0),
		"approve":     ConfirmForm(reasonNeeded(), Approving, 0),
		"break-glass": ConfirmForm(reasonNeeded(), BreakingGlass, 0),
		"shown-whole": ConfirmForm(&onboarding.ConfirmationNeededError{Approval: openApproval(), Whole: true,
			Reason: true, Step: onboarding.Definition{Key: "database", Title: "Database rows"}}, Approving, 0),
		"review": testRenderer.Review(approvedAhead().View,
			[]onboarding.Preapproval{
				{Planned: onboarding.Planned{Definition: onboarding.Definition{Key: "sync/merche-biche.com"},
					Later: "what <certbot> edits"}}}, "U0CLEO").Page(0),
		"review-reader": Review{renderer: testRenderer, view: approvedAhead().View, Items: approvedAhead().Approvals,
			Why: "This is your own request.", person: "U0ANA"}.Page(0),
		"review-empty": testRenderer.Review(live(merche()).View, nil, "U0BO").Page(3),
		"review-done":  ReviewDone(ReviewMeta{Page: 1}, 2, 3, true),
		"findings":     FindingsPage(waitingForRecords().Step("dns/merche-biche.com")),
		"change":       ChangePage("Database rows", openApproval(), 7),
		"notice":       mrkdwn.Notice("Onboarding", strings.Repeat("word ", 2000)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.CheckView(t, view)
			golden.Compare(t, filepath.Join("testdata", "view", name+".json"), golden.Indented(view))
		})
	}
}

// TestReviewPages turns the pages of a review of ten domains, each with changes that are long and
// grow when they are escaped.
func TestReviewPages(t *testing.T) {
	t.Parallel()
	request := merche()
	for i := range 9 {
		request.Domains = append(request.Domains, onboarding.Domain{Name: fmt.Sprintf("d%d.example", i)})
	}
	s := newScenario(request)
	content := strings.Repeat(strings.Repeat("<&>\"", 30)+"\n", 100)
	for i := range s.Steps {
		if s.Steps[i].Destructive {
			s.ahead(s.Steps[i].Key, onboarding.Change{Summary: strings.Repeat("<&>", 200),
				Items: []onboarding.Item{{Commit: &onboarding.Commit{Folder: "f", Subject: "s",
					Files: []onboarding.FileChange{{Path: "f/a", Mode: "100644", After: &content}}}}}},
				bo).State = onboarding.ApprovalAhead
		}
	}
	r := testRenderer.Review(s.View, nil, "U0CLEO")
	boxes, buttons := 0, 0
	for page := range 4 {
		view := r.Page(page)
		golden.CheckView(t, view)
		boxes += strings.Count(string(golden.Indented(view)), "\"Approve · digest ")
		buttons += strings.Count(string(golden.Indented(view)), "\"Approve…\"")
	}
	// All of a deployment and of a sync must be shown first.
	if boxes != 41 || buttons != 20 {
		t.Errorf("%d changes can be ticked, and %d be shown and approved, of 61", boxes, buttons)
	}
}

func reasonNeeded() *onboarding.ConfirmationNeededError {
	return &onboarding.ConfirmationNeededError{Reason: true, Approval: openApproval(),
		Step: onboarding.Definition{Key: "database", Title: "Database rows"}}
}

func openApproval() *onboarding.Approval {
	return preflightDone().asked("database", insertRows())
}

// TestEveryPageOfAHugeChange turns all pages of a change of some megabytes, made of the
// characters that grow most.
func TestEveryPageOfAHugeChange(t *testing.T) {
	t.Parallel()
	content := strings.Repeat(strings.Repeat("<&>\u202e", 500)+"\n", 200)
	approval := preflightDone().asked("database",
		onboarding.Change{Summary: "s",
			Items: []onboarding.Item{{Commit: &onboarding.Commit{Folder: "f", Subject: "s",
				Files: []onboarding.FileChange{{Path: "f/a", Mode: "100644", After: &content}}}}}})
	all := changes.Pages(changes.PartsOf(approval.Change))
	var lines strings.Builder
	for i := range all {
		golden.CheckView(t, ChangePage("Database rows", approval, i))
		for _, piece := range all[i] {
			lines.WriteString(piece.Body + "\n")
		}
	}
	whole := strings.ReplaceAll(lines.String(), " ↩\n↪ ", "")
	if got, want := strings.Count(whole, "<&>"), 200*500; got != want {
		t.Errorf("the pages hold %d of %d", got, want)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	step := func(key onboarding.Key, title string, planned onboarding.Planned) onboarding.Planned {
		planned.Definition = onboarding.Definition{Key: key, Title: title, Destructive: true}
		return planned
	}
	small := &onboarding.Plan{Request: merche(), Steps: []onboarding.Planned{
		step("preflight", "Preflight", onboarding.Planned{Done: true, Findings: preflightFindings()}),
		step("database", "Database rows", onboarding.Planned{Change: insertRows()}),
		step("dns/merche-biche.com", "DNS merche-biche.com", onboarding.Planned{Change: publish()}),
		step("deploy/merche-biche.com", "Deploy merche-biche.com",
			onboarding.Planned{Waiting: "the names do not resolve yet"}),
		step("certificate/merche-biche.com", "Certificate merche-biche.com", onboarding.Planned{Change: certify()}),
		step("sync/merche-biche.com", "Sync merche-biche.com",
			onboarding.Planned{Later: "what certbot edits shows once it ran"}),
		step("go-live/merche-biche.com", "Go live merche-biche.com",
			onboarding.Planned{Problem: "ssh: connect to host <apricot>: timed out"}),
		step("verify", "Verify", onboarding.Planned{Done: true}),
	}}
	large := &onboarding.Plan{Request: merche()}
	for i := range 30 {
		large.Steps = append(large.Steps, step(onboarding.Key(fmt.Sprintf("deploy-config/%d.example", i)),
			"Deploy config", onboarding.Planned{Change: commitConfig()}))
	}
	for name, c := range map[string]struct {
		plan  *onboarding.Plan
		whole bool
	}{"small": {small, true}, "large": {large, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, whole := PlanPage(c.plan)
			if whole != c.whole {
				t.Errorf("whole %t", whole)
			}
			reply := page.Reply()
			golden.CheckMessages(t, []post.Message{{Key: "plan", Text: reply.Text, Blocks: reply.Blocks}})
			golden.Compare(t, filepath.Join("testdata", "plan", name+".txtar"),
				txtar.Format(&txtar.Archive{Files: []txtar.File{
					{Name: "message.txt", Data: []byte(reply.Text + "\n")},
					{Name: "file.txt", Data: []byte(PlanText(c.plan))}}}))
		})
	}
}

func TestHomeViews(t *testing.T) {
	t.Parallel()
	asked, stuck, done := preflightDone(), certbotFailed(), live(merche())
	// The watch has not seen this site yet.
	unwatched := &onboarding.Run{Request: onboarding.Request{DisplayName: "New",
		Domains: []onboarding.Domain{{Name: "new.example"}}}, Facts: onboarding.Facts{
		onboarding.CertificateFact("new.example"): asked.now.Add(89 * 24 * time.Hour).Format(time.RFC3339)}}
	question := asked.asked("database", insertRows())
	for name, content := range map[string]Home{
		"refused": {Refused: "You cannot do this: guests are not allowed to."},
		"idle":    {},
		"busy": {Waiting: []PendingDecision{{Approval: question, Run: asked.Run,
			Link: "https://atlilith.slack.com/archives/C0OPS/p1"}},
			Others: []PendingItem{{Line: "A risk", Blocks: []slack.Block{blockkit.Section("A risk")}}},
			Stuck:  []ListedRun{{Run: stuck.Run}},
			Runs: []ListedRun{{Run: asked.Run},
				{Run: stuck.Run, Link: "https://atlilith.slack.com/archives/C0OPS/p2"}},
			Live: []*onboarding.Run{done.Run, unwatched}, More: 3,
			Expiry: map[string]time.Time{"merche-biche.com": asked.now.Add(80 * 24 * time.Hour)},
			Isolation: &IsolationReport{At: asked.now, Mark: mrkdwn.MarkDone,
				Summary: "12 tables, 48 attempts: nothing crosses <tenants>",
				Link:    "https://atlilith.slack.com/archives/C0OPS/p3"}},
		"frozen": {Freeze: &onboarding.Freeze{Reason: "The <registry> is down", By: bo, At: asked.now},
			Live: liveProviders(60), Expiry: map[string]time.Time{
				"p-0.example": asked.now.Add(-time.Hour), "p-1.example": asked.now.Add(72 * time.Hour)},
			Isolation: &IsolationReport{At: asked.now, Mark: mrkdwn.MarkAlarm, Summary: "2 findings"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blocks := testRenderer.Home(content, asked.now)
			golden.CheckBlocks(t, name, blocks, blockkit.InHome)
			golden.Compare(t, filepath.Join("testdata", "home", name+".json"), golden.Indented(blocks))
		})
	}
}

// liveProviders are Providers that are live.
func liveProviders(count int) []*onboarding.Run {
	var runs []*onboarding.Run
	for i := range count {
		runs = append(runs, &onboarding.Run{Request: onboarding.Request{Slug: fmt.Sprintf("p-%d", i),
			DisplayName: strings.Repeat("<&>", 26),
			Domains:     []onboarding.Domain{{Name: fmt.Sprintf("p-%d.example", i)}}}})
	}
	return runs
}

func TestStatus(t *testing.T) {
	t.Parallel()
	var files []txtar.File
	for _, name := range []string{"asked for rows", "certbot failed", "ten domains", "hostile", "cancelled", "live",
		"live and undone", "frozen"} {
		s := preflightDone()
		if tell := scenarios[name]; tell != nil {
			s = tell()
		} else {
			s.Freeze = &onboarding.Freeze{Reason: "The <registry> is *down*", By: cleo, At: s.now}
		}
		page := testRenderer.Status(s.View, "")
		golden.CheckMessages(t, []post.Message{{Key: name, Text: page.Text(), Blocks: page.Blocks}})
		files = append(files, txtar.File{Name: name, Data: []byte(page.Text() + "\n")})
	}
	golden.Compare(t, filepath.Join("testdata", "status.txtar"), txtar.Format(&txtar.Archive{Files: files}))
}
