package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// planRoom is how much of a plan one private message shows, in bytes of its blocks. The rest goes into a file.
	planRoom   = blockkit.MaxMessageWeight - 1000
	planBlocks = blockkit.MaxMessageBlocks - 4
	planLines  = 150 // characters of one line
)

// planned is a dry run as an answer for one person. What does not fit goes to them as a file, under a key of this one asking.
func (d *Handlers) planned(ctx context.Context, plan *onboarding.Plan, person, asking string) (bot.Reply, error) {
	page, whole := planSheet(plan)
	if whole {
		return page.reply(), nil
	}
	page.note("This is not all of it: the whole plan is a file in your messages with me.")
	name := "plan-" + plan.Request.Slug
	err := d.send(ctx, outbox.Message{Key: "plan/" + person + "/" + asking, Channel: person, Text: blockkit.Escape(name),
		File: &outbox.File{Name: name + ".txt", Title: name, Content: []byte(planText(plan))}})
	return page.reply(), err
}

// planSheet writes a plan, and reports whether all of it found room.
func planSheet(plan *onboarding.Plan) (page *sheet, whole bool) {
	page, whole = new(sheet), true
	changes := 0
	for _, step := range plan.Steps {
		if !step.Change.Empty() {
			changes++
		}
	}
	page.say(fmt.Sprintf("*Plan for %s* (%s)\n%s\n%d of %d steps would change something. *Nothing was changed.*",
		inline(plan.Request.DisplayName), blockkit.Code(plan.Request.Slug), about(plan.Request), changes, len(plan.Steps)))
	lines := make([]string, len(plan.Steps))
	left := planRoom - weight(page.blocks)
	for i, step := range plan.Steps {
		lines[i] = blockkit.Truncate(planLine(step), planLines)
		left -= len(lines[i]) + 2
	}
	var plain []string
	flush := func() {
		if len(plain) > 0 {
			page.say(strings.Join(plain, "\n"))
			plain = nil
		}
	}
	for i, step := range plan.Steps {
		var changed sheet
		shown, hidden := excerpt(partsOf(step.Change), brief)
		changed.parts(shown...)
		// A change costs its own blocks, and splits the lines around it into two sections.
		cost := weight(changed.blocks) + 2*weight([]slack.Block{blockkit.Section(" ")})
		plain = append(plain, lines[i])
		switch {
		case step.Change.Empty():
		case cost > left || len(page.blocks) > planBlocks-3:
			whole = false
		default:
			flush()
			left -= cost
			whole = whole && hidden == 0
			page.parts(shown...)
		}
	}
	flush()
	return page, whole
}

// planLine is what a step would do, in one line.
func planLine(step onboarding.Planned) string {
	name := "*" + inline(title(step.Definition)) + "*"
	switch {
	case step.Problem != "":
		return fmt.Sprintf("%s %s cannot go on: %s", markFailed, name, inline(cause(step.Problem)))
	case step.Later != "":
		return fmt.Sprintf("%s %s is known later: %s", markPending, name, inline(cause(step.Later)))
	case !step.Change.Empty():
		return fmt.Sprintf("%s %s: %s", markAsk, name, inline(cause(step.Change.Summary)))
	case step.Waiting != "":
		return fmt.Sprintf("%s %s would wait: %s", markBusy, name, inline(cause(step.Waiting)))
	case len(step.Findings) > 0:
		return fmt.Sprintf("%s %s: %s", markDone, name, tally(step.Findings))
	}
	return fmt.Sprintf("%s %s has nothing to do", markDone, name)
}

// planText is a whole plan as a text file.
func planText(plan *onboarding.Plan) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Plan for %s (%s). Nothing was changed.\n", oneLine(plan.Request.DisplayName), plan.Request.Slug)
	for _, step := range plan.Steps {
		fmt.Fprintf(&out, "\n%s\n", strings.Repeat("=", 72))
		out.WriteString(title(step.Definition) + "\n")
		switch {
		case step.Problem != "":
			out.WriteString("Cannot go on: " + visible(step.Problem) + "\n")
		case step.Later != "":
			out.WriteString("Known later: " + visible(step.Later) + "\n")
		case !step.Change.Empty():
			out.WriteString(fullText(step.Change))
		case step.Waiting != "":
			out.WriteString("Would wait: " + visible(step.Waiting) + "\n")
		default:
			out.WriteString("Nothing to do.\n")
		}
		for _, finding := range step.Findings {
			fmt.Fprintf(&out, "  [%s] %s: %s %s\n", finding.Level, oneLine(finding.Name), oneLine(finding.Detail), oneLine(finding.Fix))
		}
	}
	return out.String()
}
