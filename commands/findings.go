package commands

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

// findings is what a step that only looks has found, or what one that waits still waits for. It stays in place while it changes.
func (s scribe) findings(view *onboarding.View, step *onboarding.Step) bot.Message {
	var page sheet
	at := place(view.Run, step)
	name := "*" + inline(title(step.Definition)) + "*"
	waiting := step.State == onboarding.StepWaiting && view.State == onboarding.RunActive
	switch {
	case waiting:
		page.say(fmt.Sprintf("%s %s waits for the world to change. It looks again by itself.", markBusy, name))
		page.parts(part{body: bot.Truncate(visible(step.Detail), 2000)})
	case step.State == onboarding.StepDone:
		page.say(fmt.Sprintf("%s %s: %s", markDone, name, tally(step.Findings)))
	case step.State.Stuck() && len(step.Findings) == 0:
		page.say(fmt.Sprintf("%s %s could not look", markFailed, name))
	case step.State.Stuck():
		page.say(fmt.Sprintf("%s %s: %s", markFailed, name, tally(step.Findings)))
	default:
		page.say(fmt.Sprintf("%s %s is looked at again", markBusy, name))
	}
	if len(step.Findings) > 0 {
		page.table(rows(step.Findings), slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: true},
			slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: true})
	}
	if waiting {
		page.buttons(stepID(at), bot.Button(actionCheck, view.ID.String(), "Check now", ""))
	}
	return bot.Message{Key: rootKey(view.ID) + "/" + stepID(at), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
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
		words = append(words, fmt.Sprintf("%d to look at", n))
	}
	return strings.Join(append(words, fmt.Sprintf("%d of %d passed", count[onboarding.OK], len(findings))), ", ") + "."
}

// rows lays findings out for a table of two columns, which a phone can still show.
func rows(findings []onboarding.Finding) [][]string {
	rows := [][]string{{"Check", "Seen"}}
	for _, finding := range findings {
		mark := "✅ "
		switch finding.Level {
		case onboarding.Warning:
			mark = "⚠️ "
		case onboarding.Failed:
			mark = "❌ "
		}
		seen := cause(finding.Detail)
		if fix := cause(finding.Fix); fix != "" && finding.Level != onboarding.OK {
			seen = strings.TrimSpace(seen + " → " + fix)
		}
		if seen == "" {
			seen = "–"
		}
		rows = append(rows, []string{mark + oneLine(finding.Name), seen})
	}
	return rows
}
