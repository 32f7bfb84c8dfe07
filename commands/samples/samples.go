// Package samples holds one example of each kind of message and view that the bot can show.
// "onboardbot check" asks Slack whether the workspace would show them. The renderers build them
// from the fixtures in this package.
package samples

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/commands/render/help"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

// Sample is something that the bot may show, as it goes to Slack: the blocks of a message, or a
// whole view.
type Sample struct {
	// Name says what it is, such as thread/root.
	Name    string
	Surface blockkit.Surface
	JSON    json.RawMessage
	// Replaced reports whether a workspace that refuses it gets a fallback, as with plans and data
	// tables.
	Replaced bool
}

// All returns the samples, sorted by name.
func All() ([]Sample, error) {
	c := new(collector)
	c.thread()
	c.replies()
	c.views()
	c.home()
	c.reports()
	if c.err != nil {
		return nil, fmt.Errorf("samples: %w", c.err)
	}
	slices.SortFunc(c.samples, func(a, b Sample) int { return strings.Compare(a.Name, b.Name) })
	return c.samples, nil
}

// collector encodes what the renderers return. It keeps the first error.
type collector struct {
	samples []Sample
	err     error
}

func (c *collector) add(name string, surface blockkit.Surface, content any, replaced bool) {
	encoded, err := json.Marshal(content)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: %w", name, err)
	}
	c.samples = append(c.samples, Sample{Name: name, Surface: surface, JSON: encoded, Replaced: replaced})
}

// message adds the blocks of a message, and its fallback if there is one. Files have no blocks.
func (c *collector) message(name string, message post.Message) {
	if len(message.Blocks) == 0 {
		return
	}
	c.add(name, blockkit.InMessage, message.Blocks, len(message.Fallback) > 0)
	if len(message.Fallback) > 0 {
		c.add(name+".fallback", blockkit.InMessage, message.Fallback, false)
	}
}

func (c *collector) thread() {
	for _, view := range []struct {
		name string
		f    *fixture
	}{{"open", openRun()}, {"live", liveRun()}, {"cancelled", cancelledRun()}} {
		for i, message := range renderer.Thread(view.f.View, now) {
			c.message(fmt.Sprintf("thread/%s-%02d", view.name, i), message)
		}
	}
	frozen := openRun()
	frozen.Freeze = freeze
	c.message("thread/frozen", renderer.Thread(frozen.View, now)[0])
	together := openRun()
	joined := *together.Approvals[0]
	joined.ID, joined.AskedWith = uuid.MustParse("0198c0de-0000-7000-8000-0000000000ff"), joined.ID
	together.Approvals = append(together.Approvals, &joined)
	for i, message := range renderer.Thread(together.View, now) {
		c.message(fmt.Sprintf("thread/together-%02d", i), message)
	}
	direct := renderer.Direct(openRun().View, now, []string{bo.ID}, nil)
	c.message("thread/direct", direct[0])
}

func (c *collector) replies() {
	open, live := openRun(), liveRun()
	plan, _ := render.PlanPage(dryRun())
	for name, page := range map[string]*mrkdwn.Builder{
		"help": help.Page(renderer.Command), "plan": plan, "status": renderer.Status(open.View, ""),
		"auditlog":    renderer.AuditLog(open.View),
		"unreachable": renderer.Unreachable(open.Run, "not_in_channel"),
		"undo":        render.UndoPage(live.Run, nil, "undo/sample"),
		"verify":      render.VerifyPage(live.Run, observation()),
		"waiting":     renderer.WaitingFor(homeContent()), "cancel": render.CancelPage(open.Run, "", "cancel"),
		"confirmation": form.Confirmation(request(), hosts, "merche-biche", sampleID),
	} {
		c.add("reply/"+name, blockkit.InMessage, page.Blocks, false)
	}
}

func (c *collector) views() {
	open := openRun()
	needed := &onboarding.ConfirmationNeededError{Reason: true, Approval: open.Approvals[0],
		Step: open.Step("database").Definition}
	review := renderer.Review(open.View, nil, cleo.ID)
	windowed := renderer
	windowed.HasWindows = func(*onboarding.Run, *onboarding.Approval) bool { return true }
	reader := review
	reader.Why = "This is your own request."
	meta := form.Meta{Channel: "C0SAMPLE", Slug: "merche-biche", Resumed: true}
	owner := ownerDraft()
	problems := map[string]string{form.BlockMails: "pigeon is not a mail plan."}
	for name, view := range map[string]slack.ModalViewRequest{
		"form-empty":    form.Form{Meta: form.Meta{Channel: "C0SAMPLE"}, Draft: form.NewDraft("")}.View(),
		"form-owner":    form.Form{Meta: meta, Draft: owner, Hosts: hosts, Hints: []string{"A hint."}}.View(),
		"form-problems": form.Form{Meta: meta, Draft: owner, Hosts: hosts, Problems: problems}.View(),
		"form-member":   form.Form{Meta: meta, Draft: memberDraft(), Hosts: hosts}.View(),
		"approve":       render.ConfirmForm(needed, render.Approving, 0),
		"reject":        render.ConfirmForm(needed, render.Rejecting, 0),
		"break-glass":   render.ConfirmForm(needed, render.BreakingGlass, 0),
		"findings":      render.FindingsPage(open.Step("preflight")),
		"change":        render.ChangePage("Database rows", longApproval(), 1),
		"review":        review.Page(0), "review-reader": reader.Page(0),
		"review-windows": windowed.Review(open.View, nil, cleo.ID).Page(0),
		"review-done":    render.ReviewDone(render.ReviewMeta{Page: 1}, 2, 3, true),
		"risk-ask": isolationreport.OfferForm(isolationreport.Place{Report: sampleID, Number: 1},
			&leaks().Report.Findings[1], now),
		"risk-reject": isolationreport.DecideForm(riskRequest(), risk.Reject,
			&onboarding.ConfirmationNeededError{Reason: true}),
		"notice": mrkdwn.Notice("Onboarding", "Something to read."),
	} {
		c.add("view/"+name, blockkit.InModal, view, false)
	}
}

func (c *collector) home() {
	for name, content := range map[string]render.Home{"busy": homeContent(), "idle": {},
		"refused": {Refused: "You cannot do this."}} {
		c.add("home/"+name, blockkit.InHome,
			slack.HomeTabViewRequest{Type: slack.VTHomeTab,
				Blocks: slack.Blocks{BlockSet: renderer.Home(content, now)}}, false)
	}
}

func (c *collector) reports() {
	for i, message := range isolationreport.Messages(leaks(), renderer.Approvers, renderer.Command) {
		c.message(fmt.Sprintf("isolation/leak-%d", i), message)
	}
	approvers := isolationreport.Audience{Mentioned: renderer.Approvers}
	c.message("isolation/risk", isolationreport.RiskMessages(riskRequest(), approvers, now)[0])
	c.message("isolation/risk-accepted", isolationreport.RiskMessages(
		riskRequest(risk.Vote{Act: risk.Accept, By: bo, At: now}), approvers, now)[0])
	report := certificateReport()
	c.message("certificates/table", certs.Table(report))
	c.message("certificates/digest", certs.Digest(certificateDigest(report)))
	c.message("certificates/page", post.Message{Blocks: certs.Page(certificateDetail(report)).Blocks})
	for i, reminder := range reminders() {
		c.message(fmt.Sprintf("certificates/reminder-%d", i), certs.Reminder(reminder, renderer.Approvers))
	}
}
