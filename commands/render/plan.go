package render

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// planRoom is how much of a plan one private message shows, in bytes of its blocks. The rest
	// is in a file.
	planRoom   = blockkit.MaxMessageWeight - 1000
	planBlocks = blockkit.MaxMessageBlocks - 4
	planLines  = 150 // characters of one line
)

// PlanPage shows a plan, and reports whether all of it fits.
func PlanPage(plan *onboarding.Plan) (page *mrkdwn.Builder, whole bool) {
	page, whole = new(mrkdwn.Builder), true
	changing := 0
	for _, step := range plan.Steps {
		if !step.Change.Empty() {
			changing++
		}
	}
	would := "No step would change anything."
	if changing > 0 {
		would = fmt.Sprintf("%d of %d steps would change something.", changing, len(plan.Steps))
	}
	page.Say(fmt.Sprintf("*Plan for %s* (%s)\n%s\n%s *Nothing was changed.*", mrkdwn.Inline(plan.Request.DisplayName),
		blockkit.Code(plan.Request.Slug), About(plan.Request), would))
	lines := make([]string, len(plan.Steps))
	left := planRoom - mrkdwn.Weight(page.Blocks)
	for i, step := range plan.Steps {
		lines[i] = blockkit.Truncate(planLine(step), planLines)
		left -= len(lines[i]) + 2
	}
	var plain []string
	flush := func() {
		if len(plain) > 0 {
			page.Say(strings.Join(plain, "\n"))
			plain = nil
		}
	}
	for i, step := range plan.Steps {
		var changed mrkdwn.Builder
		shown, hidden := changes.Excerpt(changes.PartsOf(step.Change), changes.Brief)
		changed.Parts(shown...)
		// A change costs its own blocks, and splits the lines around it into two sections.
		cost := mrkdwn.Weight(changed.Blocks) + 2*mrkdwn.Weight([]slack.Block{blockkit.Section(" ")})
		plain = append(plain, lines[i])
		switch {
		case step.Change.Empty():
		case cost > left || len(page.Blocks) > planBlocks-3:
			whole = false
		default:
			flush()
			left -= cost
			whole = whole && hidden == 0
			page.Parts(shown...)
		}
	}
	flush()
	return page, whole
}

// planLine says in one line what a step would do.
func planLine(step onboarding.Planned) string {
	name := "*" + mrkdwn.Inline(title(step.Definition)) + "*"
	switch {
	case step.Problem != "":
		return fmt.Sprintf("%s %s cannot continue: %s", mrkdwn.MarkFailed, name,
			mrkdwn.Inline(mrkdwn.Summary(step.Problem)))
	case step.Later != "":
		return fmt.Sprintf("%s %s is not known yet: %s", mrkdwn.MarkPending, name,
			mrkdwn.Inline(mrkdwn.Summary(step.Later)))
	case !step.Change.Empty():
		return fmt.Sprintf("%s %s: %s", mrkdwn.MarkAsk, name, mrkdwn.Inline(mrkdwn.Summary(step.Change.Summary)))
	case step.Waiting != "":
		return fmt.Sprintf("%s %s would wait: %s", mrkdwn.MarkBusy, name, mrkdwn.Inline(mrkdwn.Summary(step.Waiting)))
	case len(step.Findings) > 0:
		return fmt.Sprintf("%s %s: %s", mrkdwn.MarkDone, name, tally(step.Findings))
	}
	return fmt.Sprintf("%s %s has nothing to do", mrkdwn.MarkDone, name)
}

// PlanText is a whole plan as a text file.
func PlanText(plan *onboarding.Plan) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Plan for %s (%s). Nothing was changed.\n", mrkdwn.OneLine(plan.Request.DisplayName),
		plan.Request.Slug)
	for _, step := range plan.Steps {
		fmt.Fprintf(&out, "\n%s\n", strings.Repeat("=", 72))
		out.WriteString(title(step.Definition) + "\n")
		switch {
		case step.Problem != "":
			out.WriteString("Cannot continue: " + mrkdwn.Visible(step.Problem) + "\n")
		case step.Later != "":
			out.WriteString("Not known yet: " + mrkdwn.Visible(step.Later) + "\n")
		case !step.Change.Empty():
			out.WriteString(changes.FullText(step.Change))
		case step.Waiting != "":
			out.WriteString("Would wait: " + mrkdwn.Visible(step.Waiting) + "\n")
		default:
			out.WriteString("Nothing to do.\n")
		}
		for _, finding := range step.Findings {
			fmt.Fprintf(&out, "  [%s] %s: %s %s\n", finding.Level, mrkdwn.OneLine(finding.Name),
				mrkdwn.OneLine(finding.Detail), mrkdwn.OneLine(finding.Fix))
		}
	}
	return out.String()
}
