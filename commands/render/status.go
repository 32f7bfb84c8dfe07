package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

// Undertaking names what a run does, in front of its slug: "onboarding of".
func Undertaking(run *onboarding.Run) string {
	switch run.Kind {
	case onboarding.KindUndo:
		return "undo of"
	case onboarding.KindRenew:
		return "renewal for"
	}
	return "onboarding of"
}

// Ended says when and how a run ended.
func Ended(run *onboarding.Run) string {
	if run.State == onboarding.RunCancelled {
		return fmt.Sprintf("%s cancelled it %s.", mrkdwn.Mention(run.EndedBy), blockkit.Date(run.Ended))
	}
	switch {
	case run.Kind == onboarding.KindUndo:
		return fmt.Sprintf("It was undone %s.", blockkit.Date(run.Ended))
	case run.Undone():
		return fmt.Sprintf("It was undone %s.", blockkit.Date(run.Undo.Ended))
	case run.Kind == onboarding.KindRenew:
		return fmt.Sprintf("Its certificate was renewed %s.", blockkit.Date(run.Ended))
	}
	return fmt.Sprintf("It has been live since %s.", blockkit.Date(run.Ended))
}

// nothingWaits is what a person reads for whom nothing waits.
const nothingWaits = "Nothing is waiting for you."

// WaitingFor lists what is waiting for one person, with links.
func (r Renderer) WaitingFor(content Home) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	var lines []string
	for _, each := range content.Waiting {
		lines = append(lines, pendingLine(each))
	}
	for _, each := range content.Others {
		lines = append(lines, each.Line)
	}
	for _, each := range content.Stuck {
		lines = append(lines, "Your run is stuck: "+r.line(each.Run, content.Freeze)+ThreadLink(each.Link))
	}
	if len(lines) == 0 {
		lines = []string{nothingWaits}
	}
	for _, block := range mrkdwn.Chunks(strings.Join(lines, "\n"), blockkit.MaxSectionText) {
		page.Say(block)
	}
	if content.Freeze != nil {
		page.Note(schedule.FreezeNotice(content.Freeze))
	}
	return page
}

// line shows a run in one line: its mark, its name, and its state. The freeze that holds may be
// nil.
func (r Renderer) line(run *onboarding.Run, freeze *onboarding.Freeze) string {
	state := r.state(&onboarding.View{Run: run, Freeze: freeze})
	what := ""
	if run.Kind != onboarding.KindOnboard {
		what = string(run.Kind) + ": "
	}
	line := fmt.Sprintf("%s *%s* (%s) %s", state.mark, mrkdwn.Inline(run.Request.DisplayName),
		blockkit.Code(run.Request.Slug), what)
	if run.State != onboarding.RunActive {
		return line + state.brief
	}
	done, all := progress(run)
	return line + fmt.Sprintf("%d of %d steps · %s · requested by %s", done, all, state.brief,
		mrkdwn.Mention(run.Requester))
}

// List shows runs, one per line, and the freeze that holds, if any.
func (r Renderer) List(runs []ListedRun, freeze *onboarding.Freeze) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	if len(runs) == 0 {
		page.Say(fmt.Sprintf("There are no runs yet. Type %s to start one.",
			blockkit.Code(r.Command+" merche-biche")))
		return page
	}
	lines := make([]string, len(runs))
	for i, listed := range runs {
		lines[i] = r.line(listed.Run, freeze) + ThreadLink(listed.Link)
	}
	page.Say(mrkdwn.JoinWithin(lines, blockkit.MaxSectionText))
	if freeze != nil {
		page.Note(schedule.FreezeNotice(freeze))
	}
	return page
}

// Status shows the state of a run to one person. The address is that of its thread, empty if it
// is not known yet; an active run can be decided on then by a button.
func (r Renderer) Status(view *onboarding.View, address string) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	page.Say(r.headline(view))
	tasks := tasksOf(view)
	lines := make([]string, len(tasks))
	for i, task := range tasks {
		lines[i] = task.line()
	}
	for _, block := range mrkdwn.Chunks(strings.Join(lines, "\n"), blockkit.MaxSectionText) {
		page.Say(block)
	}
	page.Note(fmt.Sprintf("Requested by %s %s · run %s", mrkdwn.Mention(view.Requester), blockkit.Date(view.Created),
		blockkit.Code(view.ID.String())))
	switch {
	case address != "":
		page.Note("Details are in its " + blockkit.Link(address, "thread") + ".")
	case view.State == onboarding.RunActive:
		page.Buttons("status", blockkit.Button(ActionReview, view.ID.String(), "Review all", ""))
	default:
		page.Note(fmt.Sprintf("Its thread is not in Slack. %s shows what happened.",
			blockkit.Code(r.Command+" "+WordLog+" "+view.Request.Slug)))
	}
	return page
}

// WriteBacklog says which messages Slack has not accepted yet, if there are any. Whoever asks
// reads it where they would otherwise miss them.
func WriteBacklog(page *mrkdwn.Builder, backlog post.Backlog) {
	if backlog.Messages == 0 {
		return
	}
	next := "now"
	if backlog.Next >= time.Second {
		next = "in " + mrkdwn.Duration(backlog.Next)
	}
	page.Say(fmt.Sprintf("%s Slack has not accepted %s yet. The oldest has waited for %s. The next attempt is made %s.",
		mrkdwn.MarkBusy, mrkdwn.Count(backlog.Messages, "message"), mrkdwn.Duration(backlog.Age), next))
}

// VerifyPage shows what the success checks found.
func VerifyPage(run *onboarding.Run, look onboarding.Observation) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	name := fmt.Sprintf("*%s* (%s)", mrkdwn.Inline(run.Request.DisplayName), blockkit.Code(run.Request.Slug))
	switch {
	case look.Later != "" && run.State == onboarding.RunCancelled:
		page.Say(mrkdwn.MarkCancelled + " There is nothing to verify: the onboarding of " + name + " was cancelled.")
		return page
	case look.Later != "" || look.Waiting != "":
		page.Say(fmt.Sprintf("%s %s cannot be checked yet: %s.", mrkdwn.MarkPending, name,
			mrkdwn.Inline(mrkdwn.Summary(look.Later+look.Waiting))))
		return page
	}
	mark := mrkdwn.MarkDone
	for _, finding := range look.Findings {
		switch {
		case finding.Level == onboarding.Failed:
			mark = mrkdwn.MarkFailed
		case finding.Level == onboarding.Warning && mark == mrkdwn.MarkDone:
			mark = mrkdwn.MarkWarning
		}
	}
	page.Say(fmt.Sprintf("%s %s: %s", mark, name, tally(look.Findings)))
	if len(look.Findings) > 0 {
		page.Table(findingRows(look.Findings, maxFindings))
	}
	return page
}
