package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// findingsMessage shows what steps that change nothing have found, or what a step is waiting for.
// The table has only what did not pass; buttons show everything. The message is updated in place,
// and begins with the first step that has something to show.
func findingsMessage(view *onboarding.View, steps ...*onboarding.Step) post.Message {
	var page mrkdwn.Builder
	var notable []onboarding.Finding
	for _, step := range steps {
		writeOutcome(&page, view, step)
		notable = append(notable, notPassed(step)...)
	}
	if len(notable) > 0 {
		page.DataTable(blockkit.Table{Caption: "What did not pass", Rows: findingRows(notable, maxPaged)})
	}
	for _, step := range steps {
		var buttons []*slack.ButtonBlockElement
		if step.State == onboarding.StepWaiting && view.State == onboarding.RunActive {
			buttons = append(buttons, blockkit.Button(ActionCheck, view.ID.String(), "Check now", ""))
		}
		if len(notPassed(step)) < len(step.Findings) {
			label := "Show all"
			if len(steps) > 1 {
				label += " of " + title(step.Definition)
			}
			buttons = append(buttons, blockkit.Button(ActionFindings, view.ID.String(), label, ""))
		}
		if len(buttons) > 0 {
			page.Buttons(stepID(stepIndex(view.Run, step.Key)), buttons...)
		}
	}
	return post.Message{Key: RootKey(view.ID) + "/" + stepID(stepIndex(view.Run, steps[0].Key)), Channel: view.Channel,
		Thread: RootKey(view.ID), Text: page.Text(), Blocks: page.Blocks,
		Fallback: page.Fallback()}
}

// writeOutcome says how the checks of a step went, or what it is waiting for.
func writeOutcome(page *mrkdwn.Builder, view *onboarding.View, step *onboarding.Step) {
	name := "*" + mrkdwn.Inline(title(step.Definition)) + "*"
	switch {
	case step.State == onboarding.StepWaiting && view.State == onboarding.RunActive:
		page.Say(fmt.Sprintf("%s %s is waiting. It checks again by itself.\n%s, this is what it is waiting for:",
			mrkdwn.MarkBusy, name, mrkdwn.Mention(view.Requester)))
		page.Parts(mrkdwn.Part{Body: blockkit.Truncate(mrkdwn.Visible(step.Detail), 2000)})
	case step.State == onboarding.StepDone:
		page.Say(fmt.Sprintf("%s %s: %s", mrkdwn.MarkDone, name, tally(step.Findings)))
	case step.State.Stuck() && len(step.Findings) == 0:
		page.Say(fmt.Sprintf("%s %s could not be checked", mrkdwn.MarkFailed, name))
	case step.State.Stuck():
		page.Say(fmt.Sprintf("%s %s: %s", mrkdwn.MarkFailed, name, tally(step.Findings)))
	default:
		page.Say(fmt.Sprintf("%s %s is being checked again", mrkdwn.MarkBusy, name))
	}
}

// notPassed returns the findings of a step that somebody should read.
func notPassed(step *onboarding.Step) []onboarding.Finding {
	return slices.DeleteFunc(slices.Clone(step.Findings),
		func(finding onboarding.Finding) bool { return finding.Level == onboarding.OK })
}

// FindingsPage shows all findings of a step, those that did not pass first.
func FindingsPage(step *onboarding.Step) slack.ModalViewRequest {
	rows := make([]string, len(step.Findings))
	for i, finding := range bySeverity(step.Findings) {
		row := findingRow(finding)
		rows[i] = "*" + mrkdwn.Inline(row[0]) + "*\n" + mrkdwn.Inline(row[1])
	}
	text := blockkit.Escape(title(step.Definition)) + ": " + tally(step.Findings)
	return mrkdwn.Notice("All checks", strings.Join(append([]string{text}, rows...), "\n"))
}

// tally counts findings in words.
func tally(findings []onboarding.Finding) string {
	count := map[onboarding.Level]int{}
	for _, finding := range findings {
		count[finding.Level]++
	}
	if len(findings) == 0 {
		return "nothing to report."
	}
	var words []string
	if n := count[onboarding.Failed]; n > 0 {
		words = append(words, fmt.Sprintf("%d failed", n))
	}
	if n := count[onboarding.Warning]; n > 0 {
		words = append(words, mrkdwn.Count(n, "warning"))
	}
	return strings.Join(append(words, fmt.Sprintf("%d of %d passed", count[onboarding.OK], len(findings))), ", ") +
		"."
}

// advice is what was found, and what to do about it.
func advice(finding onboarding.Finding) string {
	if finding.Fix == "" || strings.HasSuffix(finding.Detail, ".") {
		return strings.TrimSpace(finding.Detail + " " + finding.Fix)
	}
	return finding.Detail + " → " + finding.Fix
}

const (
	// maxFindings is how many findings a table shows. With their texts they stay below
	// [blockkit.MaxMessageWeight].
	maxFindings = 28
	// maxPaged is how many findings a data table shows. With their texts they stay below
	// [blockkit.MaxDataTableText].
	maxPaged = 65
)

// findingRows returns at most limit findings for a table of two columns, which fits on a phone.
// Failures come first. If there are too many findings, those that passed are left out first.
func findingRows(findings []onboarding.Finding, limit int) [][]string {
	findings = bySeverity(findings)
	rows := [][]string{{"Check", "Result"}}
	room := limit
	for _, finding := range findings {
		if finding.Level != onboarding.OK {
			room--
		}
	}
	left := 0
	for _, finding := range findings {
		if finding.Level == onboarding.OK {
			room--
		}
		if room < 0 && finding.Level == onboarding.OK || len(rows) > limit {
			left++
			continue
		}
		rows = append(rows, findingRow(finding))
	}
	if left > 0 {
		rows = append(rows, []string{fmt.Sprintf("… and %d more", left), "–"})
	}
	return rows
}

// bySeverity returns findings with those that failed first and those that passed last.
func bySeverity(findings []onboarding.Finding) []onboarding.Finding {
	return slices.SortedStableFunc(slices.Values(findings),
		func(a, b onboarding.Finding) int { return severityRank(a.Level) - severityRank(b.Level) })
}

func severityRank(level onboarding.Level) int {
	return slices.Index([]onboarding.Level{onboarding.Failed, onboarding.Warning, onboarding.OK}, level)
}

func findingRow(finding onboarding.Finding) []string {
	const nameLimit, seenLimit = 70, 220
	mark := "✅ "
	switch finding.Level {
	case onboarding.Warning:
		mark = "⚠️ "
	case onboarding.Failed:
		mark = "❌ "
	}
	seen := mrkdwn.OneLine(finding.Detail)
	if fix := mrkdwn.OneLine(finding.Fix); fix != "" && finding.Level != onboarding.OK {
		seen = strings.TrimSpace(blockkit.Truncate(seen, seenLimit/2) + " → " + fix)
	}
	seen = cmp.Or(seen, "–")
	return []string{mark + blockkit.Truncate(mrkdwn.OneLine(finding.Name), nameLimit),
		blockkit.Truncate(seen, seenLimit)}
}
