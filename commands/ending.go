package commands

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding"
)

// finished is the last message of a run that went well: what is there now, and what the Provider does next.
func (s scribe) finished(view *onboarding.View, event onboarding.Event) outbox.Message {
	var page sheet
	request := view.Request
	words := map[onboarding.RunKind]string{onboarding.KindUndo: "The onboarding of %s is taken back.", onboarding.KindRenew: "The certificate of %s is renewed."}[view.Kind]
	if words != "" {
		page.say(fmt.Sprintf("%s *"+words+"* %s, it took %s.",
			markLive, inline(request.DisplayName), mention(view.Requester), took(view.Ended.Sub(view.Created))))
		return outbox.Message{Key: eventKey(event), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
	}
	left := byHand(view)
	checks := "every check passed"
	if len(left) > 0 {
		checks = "no check failed"
	}
	page.say(fmt.Sprintf("%s *%s is live.* %s, %s, %s after you asked.",
		markLive, inline(request.DisplayName), mention(view.Requester), checks, took(view.Ended.Sub(view.Created))))
	var sites []string
	for _, domain := range request.Domains {
		sites = append(sites, blockkit.Link("https://"+domain.Name+"/", domain.Name))
	}
	page.say(strings.Join(sites, "\n"))
	if len(left) > 0 {
		page.say("*Left to look at*\n" + whole(left, blockkit.MaxSectionText))
	}
	page.say("*What they do next*\n" + next(request))
	return outbox.Message{Key: eventKey(event), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
}

// byHand lists what the last checks found that is no failure, such as what has to be made by hand.
func byHand(view *onboarding.View) []string {
	var lines []string
	for i := range view.Steps {
		step := &view.Steps[i]
		if step.Destructive || step.Key.Kind() == "preflight" {
			continue
		}
		for _, finding := range step.Findings {
			if finding.Level == onboarding.Warning {
				lines = append(lines, fmt.Sprintf("%s %s: %s", markWarning, inline(finding.Name), inline(cause(finding.Detail+" "+finding.Fix))))
			}
		}
	}
	return lines
}

// next says what the Provider does next, as the runbook's section on the context switcher has it.
func next(request onboarding.Request) string {
	name, email := inline(request.DisplayName), blockkit.Escape(request.Email)
	switch request.Mode {
	case onboarding.ModeOwner:
		return fmt.Sprintf("%s signs up as usual with %s. Their session begins without an Org; %s is there in the context switcher as theirs.",
			name, email, inline(request.Org.Name))
	case onboarding.ModeMember:
		return fmt.Sprintf("Nothing changes for sign-in: the context switcher in provider-portal shows %s to %s already, since the membership is there.",
			name, inline(orgName(request.Org)))
	}
	return fmt.Sprintf("%s signs up as usual with %s and gets a session without an Org. They can create or join Orgs later, from their dashboard.", name, email)
}

// cancelled is the last message of a run that somebody ended: what stays, and what was not done.
func (s scribe) cancelled(view *onboarding.View, event onboarding.Event) outbox.Message {
	var page sheet
	page.say(fmt.Sprintf("%s *The run is cancelled* by %s %s. Nothing was taken back.", markCancelled, mention(event.Actor), blockkit.Date(event.At)))
	var stays, open []string
	for i := range view.Steps {
		step := &view.Steps[i]
		switch {
		case step.State != onboarding.StepDone:
			open = append(open, title(step.Definition))
		case step.Destructive:
			stays = append(stays, title(step.Definition))
		}
	}
	stay := "Nothing was applied."
	if len(stays) > 0 {
		stay = "*Stays*: " + blockkit.Escape(few(stays, ", "))
	}
	page.say(stay + "\n*Not done*: " + blockkit.Escape(few(open, ", ")))
	if view.Kind == onboarding.KindOnboard {
		page.note(fmt.Sprintf("%s takes it up again: what is there is found and not done twice.", blockkit.Code(s.command+" "+view.Request.Slug)))
	}
	return outbox.Message{Key: eventKey(event), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
}
