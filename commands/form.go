package commands

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// formMeta travels with the form through Slack. It holds ids alone, and is checked like everything that comes from there.
type formMeta struct {
	Channel string `json:"channel"`
	// Plan makes the form a dry run.
	Plan bool `json:"plan,omitempty"`
	// Slug is what the form was opened for, and the name under which what is typed is kept. Empty where none was given.
	Slug string `json:"slug,omitempty"`
	// Resumed says that the form began with what was typed before.
	Resumed bool `json:"resumed,omitempty"`
	// Logo is the digest of the logo that was sent before: a form cannot be given a file.
	Logo string `json:"logo,omitempty"`
}

func (m formMeta) encode() string {
	encoded, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and bools always encode
	}
	return string(encoded)
}

func decodeFormMeta(text string) (formMeta, error) {
	var meta formMeta
	if err := json.Unmarshal([]byte(text), &meta); err != nil {
		return formMeta{}, fmt.Errorf("form: %w", err)
	}
	return meta, nil
}

// form asks for what is missing. The hints are mrkdwn; problems are said above their fields, for when Slack's own place for them
// is gone because the form was away. The hosts are those that a domain may point at, the usual one first.
func form(meta formMeta, d draft, hosts []string, problems map[string]string, hints ...string) slack.ModalViewRequest {
	titleText, submit := "Onboard a Provider", "Start"
	if meta.Plan {
		titleText, submit = "Plan an onboarding", "Show the plan"
	}
	meta.Logo = d.Logo
	f := &fields{problems: problems}
	for _, hint := range hints {
		if hint != "" {
			f.blocks = append(f.blocks, blockkit.Context(hint))
		}
	}
	if meta.Resumed {
		f.blocks = append(f.blocks, slack.NewActionBlock("draft", discardButton(meta.Slug)))
	}
	// What was typed as the slug alone names no draft yet, and every beginning of it would.
	f.add(blockSlug, "Slug", "Kebab-case and unique over people and Orgs. It cannot be changed later.", textInput("merche-biche", d.Slug))
	f.typed(blockName, "Display name", "", textInput("Merche Biche", d.Name))
	email := slack.NewEmailTextInputBlockElement(blockkit.Plain("merche@example.com", blockkit.MaxPlaceholder), actionInput)
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
	f.typed(blockDomains, "Domains", "One a line. Each is a site of its own and gets its www. name too.", lines("merche-biche.com", d.Domains))
	if len(hosts) > 1 {
		f.host(d, hosts)
	}
	f.mail(d)
	if d.Mode == onboarding.ModeOwner {
		f.brand(d)
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewForm, PrivateMetadata: meta.encode(),
		Title: blockkit.Plain(titleText, blockkit.MaxViewTitle), Submit: blockkit.Plain(submit, blockkit.MaxViewTitle), Close: blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: f.blocks},
	}
}

// fields collects the inputs of a form.
type fields struct {
	problems map[string]string
	blocks   []slack.Block
}

func (f *fields) add(block, label, hint string, element slack.BlockElement) *slack.InputBlock {
	if problem := f.problems[block]; problem != "" {
		f.blocks = append(f.blocks, complaints(problem)...)
	}
	input := slack.NewInputBlock(block, blockkit.Plain(label, blockkit.MaxInputLabel), nil, element)
	if hint != "" {
		input.Hint = blockkit.Plain(hint, blockkit.MaxInputHint)
	}
	f.blocks = append(f.blocks, input)
	return input
}

// complaints say above an input what is wrong with it. An alert has little room, so that several sentences may take several.
func complaints(problem string) []slack.Block {
	var alerts []slack.Block
	text := ""
	flush := func() {
		if text != "" {
			alerts = append(alerts, slack.NewAlertBlock(blockkit.Plain(strings.TrimSpace(text), blockkit.MaxAlert), slack.AlertBlockOptionLevel(slack.AlertLevelError)))
		}
		text = ""
	}
	for _, sentence := range strings.SplitAfter(oneLine(problem), ". ") {
		if utf8.RuneCountInString(blockkit.Escape(text+sentence)) > blockkit.MaxAlert {
			flush()
		}
		text += sentence
	}
	flush()
	return alerts
}

// typed adds an input that sends what is entered at once, so that it is kept if the form is never sent.
func (f *fields) typed(block, label, hint string, element slack.BlockElement) *slack.InputBlock {
	input := f.add(block, label, hint, element)
	input.DispatchAction = true
	return input
}

// host asks where the domains point.
func (f *fields) host(d draft, hosts []string) {
	options := make([][2]string, 0, len(hosts)+1)
	for _, host := range hosts {
		options = append(options, [2]string{host, host})
	}
	chosen := d.Host
	if chosen == "" {
		chosen = hosts[0]
	}
	f.typed(blockHost, "Host", "", choice(actionHost, chosen, append(options, [2]string{each, "Differs by domain…"})...))
	if d.Host == each {
		f.typed(blockHosts, "Host by domain", "A line for each domain that differs; the others point at "+hosts[0]+".", lines("merche.example: "+hosts[1], d.Hosts))
	}
}

// mail asks what happens to mail.
func (f *fields) mail(d draft) {
	var options [][2]string
	for _, plan := range onboarding.MailPlans {
		value := string(plan)
		if plan == onboarding.MailNone {
			value = mailNone
		}
		options = append(options, [2]string{value, plan.String()})
	}
	chosen := d.Mail
	if chosen == "" {
		chosen = mailNone
	}
	f.typed(blockMail, "Mail on the domains", "", choice(actionMail, chosen, append(options, [2]string{each, "Differs by domain…"})...))
	switch d.Mail {
	case string(onboarding.MailForward):
		f.typed(blockForward, "Forward to", "", textInput("merche@example.org", d.Forward))
	case each:
		f.typed(blockMails, "Mail by domain", "A line for each domain with mail: none, mailbox, or forward and an address.",
			lines("merche-biche.com: mailbox\nmerche.example: forward merche@example.org", d.Mails))
	}
}

// choice offers values under their names.
func choice(action, chosen string, options ...[2]string) *slack.SelectBlockElement {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, blockkit.Plain("Choose", blockkit.MaxPlaceholder), action)
	for _, each := range options {
		option := blockkit.Option(each[0], each[1], "")
		element.Options = append(element.Options, option)
		if each[0] == chosen {
			element.InitialOption = option
		}
	}
	return element
}

// whileTyping sends text as it is typed: Slack tells nothing of what was in a form that is closed, and phones have no Enter key.
var whileTyping = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_character_entered"}}

// textInput has no limit but Slack's own, so that what is too long is answered with a sentence and not by a deaf keyboard.
func textInput(placeholder, value string) *slack.PlainTextInputBlockElement {
	element := slack.NewPlainTextInputBlockElement(blockkit.Plain(placeholder, blockkit.MaxPlaceholder), actionInput)
	element.InitialValue, element.DispatchActionConfig = blockkit.Truncate(value, blockkit.MaxInputLength), whileTyping
	return element
}

// lines is a text input of several lines.
func lines(placeholder, value string) *slack.PlainTextInputBlockElement {
	element := textInput(placeholder, value)
	element.Multiline = true
	return element
}

func modeChoice(chosen onboarding.Mode) *slack.RadioButtonsBlockElement {
	about := map[onboarding.Mode]string{
		onboarding.ModePerson: "A standalone Provider",
		onboarding.ModeOwner:  "Agency-shaped: a new Org that is theirs",
		onboarding.ModeMember: "Managed talent under an Org that is there",
	}
	element := slack.NewRadioButtonsBlockElement(actionMode)
	for _, mode := range onboarding.Modes {
		option := blockkit.Option(string(mode), mode.String(), about[mode])
		element.Options = append(element.Options, option)
		if mode == chosen {
			element.InitialOption = option
		}
	}
	return element
}

func orgChoice(slug, name string) *slack.SelectBlockElement {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, blockkit.Plain("Type a part of its name", blockkit.MaxPlaceholder), actionOrg)
	none := 0
	element.MinQueryLength = &none
	if slug != "" {
		element.InitialOption = orgOption(onboarding.Org{Slug: slug, Name: name})
	}
	return element
}

// orgOptions offers Orgs. One whose slug is longer than an option's value could not be told apart, and is left out.
func orgOptions(orgs []onboarding.Org) []*slack.OptionBlockObject {
	var options []*slack.OptionBlockObject
	for _, org := range orgs {
		if len(org.Slug) > blockkit.MaxOptionValue || org.Slug == "" || len(options) == blockkit.MaxSelectOptions {
			continue
		}
		options = append(options, orgOption(org))
	}
	return options
}

func orgOption(org onboarding.Org) *slack.OptionBlockObject {
	return blockkit.Option(org.Slug, oneLine(orgName(org)), oneLine(org.Slug))
}

// notice is a modal that only says something.
func notice(titleText, mrkdwn string) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: blockkit.Plain(titleText, blockkit.MaxViewTitle), Close: blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: blockkit.Sections(mrkdwn)},
	}
}
