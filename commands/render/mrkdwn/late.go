package mrkdwn

import (
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// Waiting is a modal in the place of a form that was sent and takes long, and [Ended] the one
// after it.
func Waiting(form slack.View) slack.ModalViewRequest {
	return inPlaceOf(form, MarkBusy+" This takes a little longer than usual. The outcome is shown here.")
}

// Ended is a modal in the place of a form that was sent, about the problems with what was typed,
// or with none, about its success.
func Ended(form slack.View, problems string) slack.ModalViewRequest {
	if problems == "" {
		return inPlaceOf(form, MarkDone+" Done.")
	}
	return inPlaceOf(form, MarkFailed+" "+problems+"\nClose this, and open the form again.")
}

// Under is a text below the title of a form that was closed.
func Under(form slack.View, text string) string {
	return "*" + blockkit.Escape(titleOf(form)) + "*\n" + text
}

func titleOf(form slack.View) string {
	if form.Title == nil {
		return "Onboarding"
	}
	return form.Title.Text
}

func inPlaceOf(form slack.View, text string) slack.ModalViewRequest {
	return Notice(titleOf(form), text)
}
