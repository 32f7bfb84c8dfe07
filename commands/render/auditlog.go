package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

// trailRoom is how much of a trail a message shows, in characters of its lines, and trailLines
// how many of them.
const (
	trailRoom  = 6000
	trailLines = 60
)

// AuditLog shows what happened to a run, oldest first. Of a long log it shows the end.
func (r Renderer) AuditLog(view *onboarding.View) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	page.Say(r.headline(view))
	var lines []string
	room := trailRoom
	for i, event := range slices.Backward(view.Events) {
		at := blockkit.Clock(event.At)
		if i == 0 || view.Events[i-1].At.UTC().YearDay() != event.At.UTC().YearDay() {
			at = blockkit.Date(event.At)
		}
		line := at + " " + eventText(view, event, mrkdwn.Mention, mrkdwn.Inline)
		if event.Digest != "" {
			line += " · " + blockkit.Code(event.Digest.Short())
		}
		if room -= len(line); room < 0 || len(lines) == trailLines {
			break
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	if left := len(view.Events) - len(lines); left > 0 {
		if at := view.Events[min(left, len(view.Events)-1)].At; len(lines) > 0 {
			lines[0] = strings.Replace(lines[0], blockkit.Clock(at), blockkit.Date(at), 1)
		}
		page.Note(fmt.Sprintf("%d earlier lines are in the file.", left))
	}
	for _, block := range mrkdwn.Chunks(strings.Join(lines, "\n"), blockkit.MaxSectionText) {
		page.Say(block)
	}
	return page
}

// eventText says what an event records: what, by whom, why, and how long it took.
func eventText(
	view *onboarding.View, event onboarding.Event, who func(onboarding.Operator) string, quote func(string) string,
) string {
	words := map[onboarding.EventKind]string{
		onboarding.EventRequested: "requested", onboarding.EventAsked: "approval requested",
		onboarding.EventApproved: "approved",
		onboarding.EventRejected: "rejected", onboarding.EventLapsed: "approval lapsed",
		onboarding.EventExpired:  "nobody decided in time",
		onboarding.EventReminded: "approvers reminded", onboarding.EventEscalated: "escalated",
		onboarding.EventLockedOut:  "locked out after too many wrong codes",
		onboarding.EventForged:     "a press did not count, given",
		onboarding.EventRefused:    "a decision did not count, given",
		onboarding.EventBrokeGlass: "approved alone, glass broken", onboarding.EventApplying: "started applying",
		onboarding.EventWaiting:   "started waiting",
		onboarding.EventScheduled: "not applied yet", onboarding.EventApplyNow: "applied outside its window",
		onboarding.EventInterrupted: "interrupted", onboarding.EventDone: "done",
		onboarding.EventReopened: "observed again, because its effect is gone",
		onboarding.EventFailed:   "failed",
		onboarding.EventUnknown:  "outcome unknown", onboarding.EventRetried: "retried",
		onboarding.EventChecked:   "checked again",
		onboarding.EventCancelled: "cancelled", onboarding.EventFinished: "finished",
	}[event.Kind]
	words = cmp.Or(words, string(event.Kind))
	line := words
	if event.Step != "" {
		name := string(event.Step)
		if step := view.Step(event.Step); step != nil {
			name = title(step.Definition)
		}
		line = quote(name) + ": " + words
	}
	if event.Actor.ID != "" {
		line += " by " + who(event.Actor)
	}
	if event.Took > 0 {
		line += " in " + mrkdwn.Duration(event.Took)
	}
	if event.Text != "" {
		line += ": " + quote(mrkdwn.Summary(event.Text))
	}
	return line
}

// AuditLogText is the audit log of a run as a text file: what happened, then every change that was
// applied, with its approvals.
//
// The outputs are what attempts printed, by their ids. Of an attempt without one, the last lines
// are in the file.
func AuditLogText(view *onboarding.View, outputs map[uuid.UUID]string) string {
	plain := func(operator onboarding.Operator) string {
		return fmt.Sprintf("%s (%s)", mrkdwn.OneLine(operator.Name), operator.ID)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s of %s (%s), run %s, %s\n\n", view.Kind, mrkdwn.OneLine(view.Request.DisplayName),
		view.Request.Slug, view.ID, view.State)
	for _, event := range view.Events {
		fmt.Fprintf(&out, "%s  %s", event.At.UTC().Format(time.RFC3339),
			eventText(view, event, plain, mrkdwn.OneLine))
		if event.Digest != "" {
			fmt.Fprintf(&out, "  sha256:%s", event.Digest)
		}
		out.WriteString("\n")
	}
	for _, attempt := range view.Attempts {
		approval := view.Approval(attempt.Approval)
		if attempt.Approval == uuid.Nil || approval == nil {
			continue
		}
		fmt.Fprintf(&out, "\n%s\n%s, %s", strings.Repeat("=", 72), attempt.Step, attempt.Outcome)
		if !attempt.Finished.IsZero() {
			fmt.Fprintf(&out, " after %s", mrkdwn.Duration(attempt.Finished.Sub(attempt.Started)))
		}
		fmt.Fprintf(&out, ", %d lines printed\nsha256:%s\n", attempt.Lines, approval.Digest)
		for _, vote := range approval.Votes {
			fmt.Fprintf(&out, "%s by %s %s %s\n", voteText(vote), plain(vote.By), vote.At.UTC().Format(time.RFC3339),
				mrkdwn.OneLine(vote.Reason))
		}
		out.WriteString("\n" + changes.FullText(approval.Change))
		if attempt.Lines > 0 {
			out.WriteString("\nIt printed:\n\n" + mrkdwn.Visible(outputText(attempt, outputs)) + "\n")
		}
	}
	out.WriteString("\n\n")
	return out.String()
}

// outputText is what an attempt printed, without colours, at most maxOutput characters of it.
func outputText(attempt *onboarding.Attempt, outputs map[uuid.UUID]string) string {
	const maxOutput = 200_000
	output, known := outputs[attempt.ID]
	if !known {
		output = strings.Join(attempt.Tail, "\n")
	}
	return blockkit.Truncate(schedule.Colours.ReplaceAllString(strings.TrimSpace(output), ""), maxOutput)
}

func voteText(vote onboarding.Vote) string {
	switch {
	case vote.BrokeGlass:
		return "approved alone, glass broken"
	case vote.Agrees:
		return "approved"
	}
	return "rejected"
}
