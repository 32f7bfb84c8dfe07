package form

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

func discardButton(value string) *slack.ButtonBlockElement {
	button := blockkit.Button(ActionDiscard, value, "Discard the draft", "")
	return button.WithConfirm(blockkit.Confirm("Discard the draft?",
		"The typed values are deleted. Nothing else changes.", "Discard", "Keep it"))
}

// Confirmation asks to confirm a request that was typed in full. It is a private message and not
// a modal: it can wait, and its buttons bring triggers of their own. However often Start is
// pressed, it begins one run.
func Confirmation(request onboarding.Request, hosts []string, slug string, id uuid.UUID) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	page.Say(fmt.Sprintf("Onboard *%s* (%s)?\n%s", mrkdwn.Inline(request.DisplayName), blockkit.Code(request.Slug),
		render.About(request)))
	facts := []string{"Email: " + mrkdwn.Inline(request.Email)}
	for _, domain := range request.Domains {
		fact := blockkit.Escape(render.DomainName(domain.Name)) + ": " + mailWords(domain.Mail)
		if len(hosts) > 1 {
			fact += ", on " + mrkdwn.Inline(domain.Host)
		}
		facts = append(facts, fact)
	}
	if request.At != nil {
		facts = append(facts, schedule.NotBefore(request.At))
	}
	if request.Brand != nil {
		facts = append(facts, "Looks: "+render.BrandWords(request.Brand))
	}
	page.Say(blockkit.Truncate(strings.Join(facts, "\n"), blockkit.MaxSectionText))
	page.Buttons(ConfirmationBlock+slug, blockkit.Button(ActionStart, id.String(), "Start", slack.StylePrimary),
		blockkit.Button(ActionChange, slug, "Change…", ""), discardButton(id.String()))
	return page
}

// ConfirmationBlock begins the block id of a confirmation's buttons. The slug follows.
const ConfirmationBlock = "offer/"

func mailWords(mail onboarding.Mail) string {
	if mail.Plan == onboarding.MailForward {
		return "mail forwarded to " + mrkdwn.Inline(mail.Forward)
	}
	return strings.ToLower(mail.Plan.String())
}
