package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// finishedMessage is the last message of a run that is done: what exists now, and what the
// Provider does next.
func (r Renderer) finishedMessage(view *onboarding.View, event onboarding.Event) post.Message {
	var page mrkdwn.Builder
	request := view.Request
	words := map[onboarding.RunKind]string{onboarding.KindUndo: "The onboarding of %s is undone.",
		onboarding.KindRenew: "The certificate of %s is renewed."}[view.Kind]
	if words != "" {
		page.Say(fmt.Sprintf("%s *"+words+"* %s, it took %s.",
			mrkdwn.MarkDone, mrkdwn.Inline(request.DisplayName), mrkdwn.Mention(view.Requester),
			mrkdwn.Duration(view.Ended.Sub(view.Created))))
		if view.Kind == onboarding.KindUndo {
			page.Note(fmt.Sprintf("%s opens the form with the same request.",
				blockkit.Code(r.Command+" "+request.Slug)))
		}
		return post.Message{Key: eventKey(event), Channel: view.Channel, Thread: RootKey(view.ID),
			Text: page.Text(), Blocks: page.Blocks}
	}
	left := warnings(view)
	checks := "every check passed"
	if len(left) > 0 {
		checks = "no check failed"
	}
	mark, live, undo := mrkdwn.MarkLive, "is live", ""
	if view.Undo != nil {
		mark, undo = r.links.undoState(view.Run)
		live, undo = "went live", "\n"+undo
	}
	page.Say(fmt.Sprintf("%s *%s %s.* %s, %s, %s after your request.%s", mark, mrkdwn.Inline(request.DisplayName),
		live, mrkdwn.Mention(view.Requester), checks, mrkdwn.Duration(view.Ended.Sub(view.Created)), undo))
	var sites []string
	for _, domain := range request.Domains {
		sites = append(sites, blockkit.Link("https://"+domain.Name+"/", domain.Name))
	}
	page.Say(strings.Join(sites, "\n"))
	if len(left) > 0 {
		page.Say("*Warnings*\n" + mrkdwn.JoinWithin(left, blockkit.MaxSectionText))
	}
	page.Say("*What they do next*\n" + nextSteps(request))
	return post.Message{Key: eventKey(event), Channel: view.Channel, Thread: RootKey(view.ID), Text: page.Text(),
		Blocks: page.Blocks}
}

// warnings lists the warnings of the last checks, such as what must be done by hand.
func warnings(view *onboarding.View) []string {
	var lines []string
	for i := range view.Steps {
		step := &view.Steps[i]
		if step.Destructive || step.Key.Kind() == onboarding.KindPreflight {
			continue
		}
		for _, finding := range step.Findings {
			if finding.Level == onboarding.Warning {
				lines = append(lines, fmt.Sprintf("%s %s: %s", mrkdwn.MarkWarning, mrkdwn.Inline(finding.Name),
					mrkdwn.Inline(mrkdwn.Summary(advice(finding)))))
			}
		}
	}
	return lines
}

// nextSteps says what the Provider does next (the runbook's section on the context switcher).
func nextSteps(request onboarding.Request) string {
	name, email := mrkdwn.Inline(request.DisplayName), blockkit.Escape(request.Email)
	switch request.Mode {
	case onboarding.ModeOwner:
		return fmt.Sprintf("%s signs up as usual with %s. Their session starts without an Org; "+
			"the context switcher shows %s as theirs.",
			name, email, mrkdwn.Inline(request.Org.Name))
	case onboarding.ModeMember:
		return fmt.Sprintf("Sign-in does not change: the context switcher in provider-portal already shows %s to %s, "+
			"because the membership exists.",
			name, mrkdwn.Inline(OrgName(request.Org)))
	}
	return fmt.Sprintf("%s signs up as usual with %s and gets a session without an Org. "+
		"They can create or join Orgs later, from their dashboard.", name, email)
}

// cancelledMessage is the last message of a cancelled run: what stays applied, and what was not
// done.
func (r Renderer) cancelledMessage(view *onboarding.View, event onboarding.Event) post.Message {
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("%s *The run was cancelled* by %s %s.", mrkdwn.MarkCancelled, mrkdwn.Mention(event.Actor),
		blockkit.Date(event.At)))
	var lines []string
	for _, group := range []struct {
		words string
		steps []string
	}{
		{"Applied and kept", stepNames(view, true, true)},
		{"Tried, perhaps applied in part", stepNames(view, true, false)},
		{"Not done", stepNames(view, false, false)},
	} {
		if len(group.steps) > 0 {
			lines = append(lines, "*"+group.words+"*: "+blockkit.Escape(mrkdwn.FirstFew(group.steps, ", ")))
		}
	}
	if !view.Changed {
		lines = append([]string{"Nothing was applied."}, lines...)
	}
	page.Say(strings.Join(lines, "\n"))
	if event.Text != "" {
		page.Say(mrkdwn.Inline(mrkdwn.Summary(event.Text)))
	} else if view.Kind == onboarding.KindOnboard {
		page.Note(fmt.Sprintf("%s opens the form with this request. What is already done is not done again.",
			blockkit.Code(r.Command+" "+view.Request.Slug)))
	}
	return post.Message{Key: eventKey(event), Channel: view.Channel, Thread: RootKey(view.ID), Text: page.Text(),
		Blocks: page.Blocks}
}

// stepNames returns the titles of the steps that were tried or not, and that are done or not. A
// step is tried when its application began.
func stepNames(view *onboarding.View, tried, done bool) []string {
	var names []string
	for i := range view.Steps {
		step := &view.Steps[i]
		began := slices.ContainsFunc(view.Attempts,
			func(attempt *onboarding.Attempt) bool { return attempt.Step == step.Key })
		if began == tried && (step.State == onboarding.StepDone) == done {
			names = append(names, title(step.Definition))
		}
	}
	return names
}

// CancelPage asks whether to cancel a run. The link leads to its thread and may be empty. The
// block is the block_id of the buttons.
func CancelPage(run *onboarding.Run, link, block string) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	page.Say(fmt.Sprintf("Cancel the %s %s%s? %s", Undertaking(run), blockkit.Code(run.Request.Slug), link,
		cancelEffect(run)))
	page.Buttons(block, blockkit.Button(ActionCancel, run.ID.String(), "Cancel run", slack.StyleDanger),
		blockkit.Button(ActionKeep, run.ID.String(), "Keep running", ""))
	return page
}
