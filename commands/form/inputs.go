package form

import (
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// choice is a select with values and their names.
func choice(action, chosen string, options ...[2]string) *slack.SelectBlockElement {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic,
		blockkit.Plain("Choose", blockkit.MaxPlaceholder), action)
	for _, each := range options {
		option := blockkit.Option(each[0], each[1], "")
		element.Options = append(element.Options, option)
		if each[0] == chosen {
			element.InitialOption = option
		}
	}
	return element
}

// whileTyping sends text while it is typed: Slack does not send what was in a form that is
// closed, and phones have no Enter key.
var whileTyping = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_character_entered"}}

// textInput has no limit of its own, so a value that is too long is answered with a sentence.
func textInput(placeholder, value string) *slack.PlainTextInputBlockElement {
	element := slack.NewPlainTextInputBlockElement(blockkit.Plain(placeholder, blockkit.MaxPlaceholder), ActionInput)
	element.InitialValue, element.DispatchActionConfig = blockkit.Truncate(value, blockkit.MaxInputLength),
		whileTyping
	return element
}

// textArea is a text input of several lines.
func textArea(placeholder, value string) *slack.PlainTextInputBlockElement {
	element := textInput(placeholder, value)
	element.Multiline = true
	return element
}

func modeChoice(chosen onboarding.Mode) *slack.RadioButtonsBlockElement {
	about := map[onboarding.Mode]string{
		onboarding.ModePerson: "A standalone Provider",
		onboarding.ModeOwner:  "An agency: owns a new Org",
		onboarding.ModeMember: "Managed talent in an existing Org",
	}
	element := slack.NewRadioButtonsBlockElement(ActionMode)
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
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal,
		blockkit.Plain("Type part of its name", blockkit.MaxPlaceholder), ActionOrg)
	none := 0
	element.MinQueryLength = &none
	if slug != "" {
		element.InitialOption = orgOption(onboarding.Org{Slug: slug, Name: name})
	}
	return element
}

// OrgOptions returns Orgs as options. It leaves out an Org whose slug is longer than an option's
// value.
func OrgOptions(orgs []onboarding.Org) []*slack.OptionBlockObject {
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
	return blockkit.Option(org.Slug, mrkdwn.OneLine(render.OrgName(org)), mrkdwn.OneLine(org.Slug))
}
