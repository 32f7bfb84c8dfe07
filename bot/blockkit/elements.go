package blockkit

import "github.com/slack-go/slack"

// Button is a button that carries an id. style is empty, slack.StylePrimary or slack.StyleDanger.
func Button(actionID, value, text string, style slack.Style) *slack.ButtonBlockElement {
	button := slack.NewButtonBlockElement(actionID, value, Plain(text, MaxButtonText))
	button.Style = style
	return button
}

// Confirm asks before a click counts. Text is plain.
func Confirm(title, text, confirm, deny string) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(Plain(title, MaxConfirmTitle), Plain(text, MaxConfirmText),
		Plain(confirm, MaxConfirmButton), Plain(deny, MaxConfirmButton))
}

// Option is an option of a select, of radio buttons or checkboxes. Values are ids, at most
// [MaxOptionValue] characters, and never cut.
func Option(value, text, description string) *slack.OptionBlockObject {
	option := slack.NewOptionBlockObject(value, Plain(text, MaxOptionText), nil)
	if description != "" {
		option.Description = Plain(description, MaxOptionDescription)
	}
	return option
}
