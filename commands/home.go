package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

// home is what somebody sees in the App Home.
type home struct {
	// Refused says why there is nothing to see, empty for operators.
	Refused string
	// Waiting are the questions that this person can decide, Stuck their own runs that need them.
	Waiting []waiting
	Stuck   []listed
	Runs    []listed
}

// waiting is a question with the run that it is about, and where it is asked.
type waiting struct {
	Approval *onboarding.Approval
	Run      *onboarding.Run
	Link     string
}

// listed is a run and where its thread is.
type listed struct {
	Run  *onboarding.Run
	Link string
}

func (d *Desk) homeOpened(ctx context.Context, event bot.Event) error {
	if event.Tab != "home" {
		return nil
	}
	return d.publishHome(ctx, event.Person)
}

// refreshHome shows the Home tab anew to somebody who pressed something in it.
func (d *Desk) refreshHome(ctx context.Context, action bot.Action) error {
	if action.View == nil || action.View.Type != slack.VTHomeTab {
		return nil
	}
	return d.publishHome(ctx, action.Person)
}

func (d *Desk) publishHome(ctx context.Context, person bot.Person) error {
	content, err := d.homeFor(ctx, person)
	if err != nil {
		return fmt.Errorf("home of %s: %w", person.ID, err)
	}
	_, err = d.workspace.PublishHome(ctx, person.ID, slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: d.scribe.home(content)}})
	return err
}

func (d *Desk) homeFor(ctx context.Context, person bot.Person) (home, error) {
	if err := d.operator(ctx, person); err != nil {
		text, expected := sentence(err)
		if !expected {
			return home{}, err
		}
		return home{Refused: text}, nil
	}
	approvals, stuck, err := d.service.WaitingFor(ctx, person.ID)
	if err != nil {
		return home{}, err
	}
	runs, err := d.service.List(ctx, maxListed)
	if err != nil {
		return home{}, err
	}
	var content home
	for _, approval := range approvals[:min(len(approvals), maxListed)] {
		view, err := d.service.View(ctx, approval.RunID)
		if err != nil {
			return home{}, err
		}
		content.Waiting = append(content.Waiting, waiting{Approval: approval, Run: view.Run, Link: d.address(ctx, approvalKey(approval))})
	}
	for _, run := range stuck {
		content.Stuck = append(content.Stuck, listed{Run: run, Link: d.address(ctx, rootKey(run.ID))})
	}
	for _, run := range runs {
		content.Runs = append(content.Runs, listed{Run: run, Link: d.address(ctx, rootKey(run.ID))})
	}
	return content, nil
}

// address is where Slack shows a message, empty while it does not.
func (d *Desk) address(ctx context.Context, key string) string {
	address, err := d.outbox.Permalink(ctx, key)
	if err != nil {
		return ""
	}
	return address
}

// home writes the App Home.
func (s scribe) home(content home) []slack.Block {
	if content.Refused != "" {
		return []slack.Block{bot.Section(content.Refused)}
	}
	blocks := []slack.Block{bot.Header("Waiting for you")}
	for _, each := range content.Waiting {
		blocks = append(blocks, s.homeQuestion(each)...)
	}
	for _, each := range content.Stuck {
		blocks = append(blocks, bot.Section("Your run needs you: "+s.line(each.Run)+behind(each.Link)))
	}
	if len(content.Waiting)+len(content.Stuck) == 0 {
		blocks = append(blocks, bot.Section("Nothing. Well done."))
	}
	blocks = append(blocks, slack.NewDividerBlock(), bot.Header("Runs"))
	lines := make([]string, len(content.Runs))
	for i, each := range content.Runs {
		lines[i] = s.line(each.Run) + behind(each.Link)
	}
	if len(lines) == 0 {
		lines = []string{fmt.Sprintf("None yet. %s in a channel begins one.", bot.Code(s.command+" merche-biche"))}
	}
	return append(blocks, bot.Sections(strings.Join(lines, "\n"))...)
}

// homeQuestion is a question with buttons that work where it stands.
func (s scribe) homeQuestion(each waiting) []slack.Block {
	approval := each.Approval
	name := approval.Step.Kind()
	if step := each.Run.Step(approval.Step); step != nil {
		name = title(step.Definition)
	}
	id := approval.ID.String()
	return []slack.Block{
		bot.Section(fmt.Sprintf("%s *%s* for %s, asked by %s%s\n%s", markAsk, bot.Escape(name), inline(each.Run.Request.DisplayName),
			mention(each.Run.Requester), behind(each.Link), inline(cause(approval.Change.Summary)))),
		slack.NewActionBlock("home/"+id, bot.Button(actionShow, id, "Show the change", ""),
			bot.Button(actionApprove, id, "Approve", slack.StylePrimary), bot.Button(actionReject, id, "Reject…", slack.StyleDanger)),
		bot.Context(fmt.Sprintf("Digest %s · expires %s", bot.Code(approval.Digest.Short()), bot.Date(approval.Expires))),
	}
}

// behind puts a link behind a line.
func behind(address string) string {
	if address == "" {
		return ""
	}
	return " (" + bot.Link(address, "thread") + ")"
}
