package blockkit

import "github.com/slack-go/slack"

// Button is a button that carries an id. style is empty, slack.StylePrimary or slack.StyleDanger.
func Button(actionID, value, text string, style slack.Style) *slack.ButtonBlockElement {
	button := slack.NewButtonBlockElement(actionID, value, Plain(text, MaxButtonText))
	button.Style = style
	return button
}

// About has a screen reader say after a button's text what the button is about, where others have
// the same text. About is plain, and so is the label: nothing in it is escaped.
func About(button *slack.ButtonBlockElement, about string) *slack.ButtonBlockElement {
	button.AccessibilityLabel = Truncate(Unescape(button.Text.Text)+" "+about, MaxButtonText)
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
