package commands

import (
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

// formMeta travels with the form through Slack. It holds ids alone, and is checked like everything that comes from there.
type formMeta struct {
	Channel string `json:"channel"`
	// Plan makes the form a dry run.
	Plan bool `json:"plan,omitempty"`
}

func (m formMeta) encode() string {
	encoded, err := json.Marshal(m)
	if err != nil {
		panic(err) // a string and a bool always encode
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

// form asks for what is missing. The hint is mrkdwn; problems are said above their fields, for when Slack's own place for them
// is gone because the form was away.
func form(meta formMeta, d draft, hint string, problems map[string]string) slack.ModalViewRequest {
	titleText, submit := "Onboard a Provider", "Start"
	if meta.Plan {
		titleText, submit = "Plan an onboarding", "Show the plan"
	}
	f := &fields{problems: problems}
	if hint != "" {
		f.blocks = append(f.blocks, bot.Context(hint))
	}
	f.add(blockSlug, "Slug", "Kebab-case and unique over people and Orgs. It cannot be changed later.",
		textInput("merche-biche", d.slug))
	f.add(blockName, "Display name", "", textInput("Merche Biche", d.name))
	email := slack.NewEmailTextInputBlockElement(bot.Plain("merche@example.com", bot.MaxPlaceholder), actionInput)
	email.InitialValue = d.email
	f.add(blockEmail, "Email", "", email)
	f.add(blockMode, "Operating mode", "", modeChoice(d.mode)).DispatchAction = true
	switch d.mode {
	case onboarding.ModeOwner:
		f.add(blockOrgSlug, "The new Org's slug", "", textInput("merche-collective", d.orgSlug))
		f.add(blockOrgName, "The new Org's name", "", textInput("Merche Collective", d.orgName))
	case onboarding.ModeMember:
		f.add(blockJoin, "The Org they join", "", orgChoice(d.join, d.joinName))
	}
	domains := textInput("merche-biche.com", d.domains)
	domains.Multiline = true
	f.add(blockDomains, "Domains", "One a line. Each is a site of its own and gets its www. name too.", domains)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewForm, PrivateMetadata: meta.encode(),
		Title: bot.Plain(titleText, bot.MaxViewTitle), Submit: bot.Plain(submit, bot.MaxViewTitle), Close: bot.Plain("Close", bot.MaxViewTitle),
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
		f.blocks = append(f.blocks, slack.NewAlertBlock(bot.Plain(problem, bot.MaxAlert), slack.AlertBlockOptionLevel(slack.AlertLevelError)))
	}
	input := slack.NewInputBlock(block, bot.Plain(label, bot.MaxInputLabel), nil, element)
	if hint != "" {
		input.Hint = bot.Plain(hint, bot.MaxInputHint)
	}
	f.blocks = append(f.blocks, input)
	return input
}

// textInput has no limit but Slack's own, so that what is too long is answered with a sentence and not by a deaf keyboard.
func textInput(placeholder, value string) *slack.PlainTextInputBlockElement {
	element := slack.NewPlainTextInputBlockElement(bot.Plain(placeholder, bot.MaxPlaceholder), actionInput)
	element.InitialValue = bot.Truncate(value, bot.MaxInputLength)
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
		option := bot.Option(string(mode), mode.String(), about[mode])
		element.Options = append(element.Options, option)
		if mode == chosen {
			element.InitialOption = option
		}
	}
	return element
}

func orgChoice(slug, name string) *slack.SelectBlockElement {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, bot.Plain("Type a part of its name", bot.MaxPlaceholder), actionOrg)
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
		if len(org.Slug) > bot.MaxOptionValue || org.Slug == "" || len(options) == bot.MaxSelectOptions {
			continue
		}
		options = append(options, orgOption(org))
	}
	return options
}

func orgOption(org onboarding.Org) *slack.OptionBlockObject {
	return bot.Option(org.Slug, oneLine(orgName(org)), oneLine(org.Slug))
}

// notice is a modal that only says something.
func notice(titleText, mrkdwn string) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: bot.Plain(titleText, bot.MaxViewTitle), Close: bot.Plain("Close", bot.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: bot.Sections(mrkdwn)},
	}
}
