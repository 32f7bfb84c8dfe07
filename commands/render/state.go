package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

// runState is what every surface says about a run: the first message of its thread, a list, the
// Home tab, a status, a review and a log.
type runState struct {
	mark string
	// brief is the state in one line, and lines is everything that people should know.
	brief string
	lines []string
}

// threadLinks are the addresses of threads, by their runs, where known.
type threadLinks map[uuid.UUID]string

// state returns the state of a run. A freeze comes first, since nothing else goes on until it
// ends.
func (r Renderer) state(view *onboarding.View) runState {
	switch view.State {
	case onboarding.RunDone:
		return r.links.doneState(view)
	case onboarding.RunCancelled:
		return r.links.cancelledState(view)
	}
	state := activeState(view, r.Now)
	if view.Freeze != nil {
		state.mark, state.brief = mrkdwn.MarkFrozen, "*Frozen* · "+state.brief
		state.lines = append([]string{schedule.FreezeNotice(view.Freeze),
			blockkit.Code(r.Command+" "+WordThaw) + " ends the freeze."}, state.lines...)
	}
	return state
}

// oneLine is a state that one sentence says.
func oneLine(mark, words string) runState {
	return runState{mark: mark, brief: words, lines: []string{words}}
}

// doneState is the state of a run whose steps are all done.
func (l threadLinks) doneState(view *onboarding.View) runState {
	took := " Done in " + mrkdwn.Duration(view.Ended.Sub(view.Created)) + "."
	switch view.Kind {
	case onboarding.KindUndo:
		return oneLine(mrkdwn.MarkCancelled, "*Undone*."+took)
	case onboarding.KindRenew:
		return oneLine(mrkdwn.MarkLive, "*Renewed*."+took)
	}
	if view.Undo != nil {
		return oneLine(l.undoState(view.Run))
	}
	if left := len(warnings(view)); left > 0 {
		return oneLine(mrkdwn.MarkLive, "*Live*, with "+mrkdwn.Count(left, "warning")+"."+took)
	}
	return oneLine(mrkdwn.MarkLive, "*Live*, all checks passed."+took)
}

// cancelledState is the state of a run that somebody cancelled.
func (l threadLinks) cancelledState(view *onboarding.View) runState {
	words := fmt.Sprintf("*Cancelled* by %s %s. ", mrkdwn.Mention(view.EndedBy), blockkit.Date(view.Ended))
	switch {
	case view.Undo != nil:
		mark, undo := l.undoState(view.Run)
		return oneLine(mark, words+undo)
	case view.Changed:
		return oneLine(mrkdwn.MarkCancelled, words+"Applied changes stay in place.")
	}
	return oneLine(mrkdwn.MarkCancelled, words+"Nothing was applied.")
}

// undoState says how far a later run has taken an onboarding back.
func (l threadLinks) undoState(run *onboarding.Run) (mark, words string) {
	link := linkInParentheses(l[run.Undo.Run], "undo")
	switch run.Undo.State {
	case onboarding.RunDone:
		return mrkdwn.MarkCancelled, fmt.Sprintf("*Undone* %s%s.", blockkit.Date(run.Undo.Ended), link)
	case onboarding.RunCancelled:
		return mrkdwn.MarkTrouble,
			fmt.Sprintf("*Partly undone*: the undo was cancelled %s%s.", blockkit.Date(run.Undo.Ended), link)
	}
	return mrkdwn.MarkWorking, "*Being undone*" + link + "."
}

// activeState is the state of a run in progress, as its steps have it.
func activeState(view *onboarding.View, now time.Time) runState {
	groups := map[string][]string{}
	for i := range view.Steps {
		step := &view.Steps[i]
		name := "*" + mrkdwn.Inline(title(step.Definition)) + "*"
		switch {
		case step.State.Stuck():
			groups[mrkdwn.MarkTrouble] = append(groups[mrkdwn.MarkTrouble],
				name+" – "+mrkdwn.Inline(stepStatus(view, step)))
		case step.State == onboarding.StepAsking:
			groups[mrkdwn.MarkAsking] = append(groups[mrkdwn.MarkAsking], name)
		case step.State == onboarding.StepWaiting:
			groups[mrkdwn.MarkBusy] = append(groups[mrkdwn.MarkBusy],
				name+" – "+mrkdwn.Inline(stepStatus(view, step)))
		case step.State == onboarding.StepApproved && view.Freeze != nil:
			groups[mrkdwn.MarkFrozen] = append(groups[mrkdwn.MarkFrozen], name)
		case schedule.Waits(step):
			groups[mrkdwn.MarkClock] = append(groups[mrkdwn.MarkClock],
				name+" – "+mrkdwn.Inline(schedule.Status(step, now)))
		case step.State == onboarding.StepApproved || step.State == onboarding.StepApplying:
			groups[mrkdwn.MarkWorking] = append(groups[mrkdwn.MarkWorking], name)
		}
	}
	state := runState{mark: mrkdwn.MarkWorking}
	for _, group := range []struct{ mark, words, between string }{
		{mrkdwn.MarkTrouble, "", "\n"}, {mrkdwn.MarkAsking, "Needs approval: ", ", "}, {mrkdwn.MarkBusy, "", "\n"},
		{mrkdwn.MarkFrozen, "Approved, held by the freeze: ", ", "}, {mrkdwn.MarkWorking, "Working on ", ", "},
		{mrkdwn.MarkClock, "", "\n"},
	} {
		steps := groups[group.mark]
		if len(steps) == 0 {
			continue
		}
		if len(state.lines) == 0 && group.mark != mrkdwn.MarkBusy {
			state.mark = group.mark
		}
		state.lines = append(state.lines, group.words+mrkdwn.FirstFew(steps, group.between))
	}
	if len(state.lines) == 0 {
		state.lines = []string{"Checking what is left to do"}
	}
	state.brief, _, _ = strings.Cut(state.lines[0], "\n")
	return state
}

// headline names the Provider and the state of the run.
func (r Renderer) headline(view *onboarding.View) string {
	state := r.state(view)
	request := view.Request
	what := "Onboarding"
	switch view.Kind {
	case onboarding.KindUndo:
		what = "Undoing the onboarding of"
	case onboarding.KindRenew:
		what = "Renewing the certificate of"
	}
	who := fmt.Sprintf("%s *%s %s*", state.mark, what, mrkdwn.Inline(request.DisplayName))
	if request.Slug != "" {
		who += " (" + blockkit.Code(request.Slug) + ")"
	}
	lines := []string{who, About(request)}
	if view.State == onboarding.RunActive && request.At != nil {
		lines = append(lines, schedule.NotBefore(request.At))
	}
	lines = append(lines, state.lines...)
	if view.Undoes != nil && r.links[view.Undoes.Run] != "" {
		lines = append(lines, "It undoes "+blockkit.Link(r.links[view.Undoes.Run], "this onboarding")+".")
	}
	return blockkit.Truncate(strings.Join(lines, "\n"), maxHeadline)
}

// maxHeadline leaves room for the steps below the headline.
const maxHeadline = 1500

// notDone reports whether a run was cancelled before a step was done. A step that was stuck says
// why.
func notDone(view *onboarding.View, step *onboarding.Step) bool {
	return view.State == onboarding.RunCancelled && step.State != onboarding.StepDone && !step.State.Stuck()
}

// stepStatus says where a step stands. It is empty for a step whose turn has not come.
func stepStatus(view *onboarding.View, step *onboarding.Step) string {
	if notDone(view, step) {
		return "not done"
	}
	switch step.State {
	case onboarding.StepPending:
		return aheadStatus(view, step)
	case onboarding.StepWaiting:
		return mrkdwn.FirstLine(step.Detail)
	case onboarding.StepAsking:
		return "needs approval"
	case onboarding.StepApproved:
		if view.Freeze != nil {
			return "approved, held by the freeze"
		}
		if schedule.Waits(step) {
			return schedule.Status(step, time.Time{})
		}
		return cmp.Or(mrkdwn.FirstLine(step.Detail), "approved, about to start")
	case onboarding.StepApplying:
		return cmp.Or(mrkdwn.FirstLine(step.Detail), "in progress")
	case onboarding.StepFailed:
		return "failed: " + mrkdwn.FirstLine(step.Detail)
	case onboarding.StepRejected:
		return "rejected: " + mrkdwn.FirstLine(step.Detail)
	case onboarding.StepExpired:
		return "nobody decided in time"
	case onboarding.StepUnknown:
		return "outcome unknown: " + mrkdwn.FirstLine(step.Detail)
	case onboarding.StepDone:
		return doneStatus(view, step)
	}
	return ""
}

// taskStatus returns a step's state as Slack's plan block names it.
func taskStatus(view *onboarding.View, step *onboarding.Step) slack.TaskCardStatus {
	switch {
	case step.State == onboarding.StepDone:
		return slack.TaskCardStatusComplete
	case step.State.Stuck():
		return slack.TaskCardStatusError
	case step.State == onboarding.StepPending || notDone(view, step) || schedule.Waits(step):
		return slack.TaskCardStatusPending
	}
	return slack.TaskCardStatusInProgress
}

// stepMark returns the mark of a step's state, for text without a plan block.
func stepMark(view *onboarding.View, step *onboarding.Step) string {
	switch {
	case step.State == onboarding.StepDone:
		return mrkdwn.MarkDone
	case step.State.Stuck():
		return mrkdwn.MarkFailed
	case step.State == onboarding.StepPending || notDone(view, step):
		return mrkdwn.MarkPending
	case step.State == onboarding.StepAsking:
		return mrkdwn.MarkAsk
	case step.State == onboarding.StepApproved && view.Freeze != nil:
		return mrkdwn.MarkFrozen
	case schedule.Waits(step):
		return mrkdwn.MarkClock
	}
	return mrkdwn.MarkBusy
}
