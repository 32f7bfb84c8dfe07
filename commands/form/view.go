package form

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// Form asks for what is missing in a draft.
type Form struct {
	Meta  Meta
	Draft Draft
	// Hosts are the VPSes that a domain may point at, the usual one first.
	Hosts []string
	// Problems are sentences by block. They stand above the inputs, for when Slack's own place for
	// them is gone because the form was closed.
	Problems map[string]string
	// Hints stand above the form, as mrkdwn. Empty ones are left out.
	Hints []string
}

// View returns the form as a modal.
func (form Form) View() slack.ModalViewRequest {
	meta, d := form.Meta, form.Draft
	titleText, submit := "Onboard a Provider", "Start"
	if meta.Edits != uuid.Nil {
		titleText, submit = "Edit the request", "Ask again"
	}
	if meta.Plan {
		titleText, submit = "Plan an onboarding", "Show the plan"
	}
	meta.Logo = d.Logo
	f := &fields{problems: form.Problems}
	for _, hint := range form.Hints {
		if hint != "" {
			f.blocks = append(f.blocks, blockkit.Context(hint))
		}
	}
	if meta.Resumed {
		f.blocks = append(f.blocks, slack.NewActionBlock("draft", discardButton(meta.Slug)))
	}
	switch {
	case meta.Fixed:
		f.blocks = append(f.blocks, blockkit.Section(fmt.Sprintf(
			"*Applied already, so it cannot change*\n%s (%s) · %s · %s", mrkdwn.Inline(d.Name), blockkit.Code(d.Slug),
			blockkit.Escape(d.Email), modeText(d))))
	case meta.Edits != uuid.Nil:
		f.blocks = append(f.blocks, blockkit.Section("*Slug* "+blockkit.Code(d.Slug)))
		f.person(d)
	default:
		// The slug is not saved while it is typed: each beginning of it would name a draft.
		f.add(blockSlug, "Slug", "Kebab-case, and not used by any Person or Org. It cannot be changed later.",
			textInput("merche-biche", d.Slug))
		f.person(d)
	}
	f.typed(BlockDomains, "Domains", "One per line. Each is a site of its own, with its www. name as well.",
		textArea("merche-biche.com", d.Domains))
	if len(form.Hosts) > 1 {
		f.host(d, form.Hosts)
	}
	f.mail(d)
	if !meta.Plan {
		f.typed(blockAt, "Apply no change before", "02:00, tomorrow 02:00 or 2026-12-01 02:00, in your "+
			"time zone in Slack. If empty, each change is applied once it is approved.",
			textInput("02:00", d.At)).Optional = true
	}
	if d.Mode == onboarding.ModeOwner {
		f.brand(d)
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ViewForm, PrivateMetadata: meta.encode(),
		Title:  blockkit.Plain(titleText, blockkit.MaxViewTitle),
		Submit: blockkit.Plain(submit, blockkit.MaxViewTitle),
		Close:  blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: f.blocks},
	}
}

// modeText says how the Provider operates.
func modeText(d Draft) string {
	if org := d.org(); org.Slug != "" {
		return d.Mode.String() + ", " + blockkit.Code(org.Slug)
	}
	return d.Mode.String()
}

// person asks who the Provider is, and how they operate.
func (f *fields) person(d Draft) {
	f.typed(blockName, "Display name", "", textInput("Merche Biche", d.Name))
	email := slack.NewEmailTextInputBlockElement(blockkit.Plain("merche@example.com", blockkit.MaxPlaceholder),
		ActionInput)
	email.InitialValue, email.DispatchActionConfig = blockkit.Truncate(d.Email, blockkit.MaxInputLength), whileTyping
	f.typed(blockEmail, "Email", "", email)
	f.typed(blockMode, "Operating mode", "", modeChoice(d.Mode))
	switch d.Mode {
	case onboarding.ModeOwner:
		f.typed(blockOrgSlug, "The new Org's slug", "", textInput("merche-collective", d.OrgSlug))
		f.typed(blockOrgName, "The new Org's name", "", textInput("Merche Collective", d.OrgName))
	case onboarding.ModeMember:
		f.typed(blockJoin, "The Org they join", "", orgChoice(d.Join, d.JoinName))
	}
}

// fields collects the inputs of a form.
type fields struct {
	problems map[string]string
	blocks   []slack.Block
}

func (f *fields) add(block, label, hint string, element slack.BlockElement) *slack.InputBlock {
	if problem := f.problems[block]; problem != "" {
		f.blocks = append(f.blocks, problemAlerts(problem)...)
	}
	input := slack.NewInputBlock(block, blockkit.Plain(label, blockkit.MaxInputLabel), nil, element)
	if hint != "" {
		input.Hint = blockkit.Plain(hint, blockkit.MaxInputHint)
	}
	f.blocks = append(f.blocks, input)
	return input
}

// problemAlerts shows above an input what is wrong with it. An alert is short, so several
// sentences can take several alerts.
func problemAlerts(problem string) []slack.Block {
	var alerts []slack.Block
	text := ""
	flush := func() {
		if text != "" {
			alerts = append(alerts, slack.NewAlertBlock(blockkit.Plain(strings.TrimSpace(text), blockkit.MaxAlert),
				slack.AlertBlockOptionLevel(slack.AlertLevelError)))
		}
		text = ""
	}
	for _, sentence := range strings.SplitAfter(mrkdwn.OneLine(problem), ". ") {
		if utf8.RuneCountInString(blockkit.Escape(text+sentence)) > blockkit.MaxAlert {
			flush()
		}
		text += sentence
	}
	flush()
	return alerts
}

// typed adds an input that sends its value while it is typed, so the draft is kept if the form is
// never sent.
func (f *fields) typed(block, label, hint string, element slack.BlockElement) *slack.InputBlock {
	input := f.add(block, label, hint, element)
	input.DispatchAction = true
	return input
}

// host asks which VPS the domains point at.
func (f *fields) host(d Draft, hosts []string) {
	options := make([][2]string, 0, len(hosts)+1)
	for _, host := range hosts {
		options = append(options, [2]string{host, host})
	}
	chosen := cmp.Or(d.Host, hosts[0])
	f.typed(blockHost, "Host", "",
		choice(ActionHost, chosen, append(options, [2]string{PerDomain, "Differs by domain…"})...))
	if d.Host == PerDomain {
		f.typed(blockHosts, "Host by domain", "One line per domain that differs; the others point to "+hosts[0]+".",
			textArea("merche.example: "+hosts[1], d.Hosts))
	}
}

// mail asks what happens to mail.
func (f *fields) mail(d Draft) {
	var options [][2]string
	for _, plan := range onboarding.MailPlans {
		value := string(plan)
		if plan == onboarding.MailNone {
			value = mailNone
		}
		options = append(options, [2]string{value, plan.String()})
	}
	chosen := cmp.Or(d.Mail, mailNone)
	f.typed(blockMail, "Mail on the domains", "",
		choice(ActionMail, chosen, append(options, [2]string{PerDomain, "Differs by domain…"})...))
	switch d.Mail {
	case string(onboarding.MailForward):
		f.typed(blockForward, "Forward to", "", textInput("merche@example.org", d.Forward))
	case PerDomain:
		f.typed(BlockMails, "Mail by domain",
			"One line per domain with mail: none, mailbox, or forward and an address.",
			textArea("merche-biche.com: mailbox\nmerche.example: forward merche@example.org", d.Mails))
	}
}
