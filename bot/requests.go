package bot

import (
	"encoding/json"

	"github.com/slack-go/slack"
)

// Person is who did something, according to Slack's servers. Authorise on both fields, never on a
// name.
type Person struct {
	// Team is the workspace of the person, which in a shared channel may be a foreign one.
	Team string
	// ID is the user id, U… or W….
	ID string
}

// Command is a slash command. Slack allows none in threads.
type Command struct {
	Person
	// Name is the command with its slash, Text what was typed after it, unchanged.
	Name, Text string
	// Channel is where it was typed; ChannelName is "directmessage" in a DM.
	Channel, ChannelName string
	// TriggerID opens one modal within 3 seconds.
	TriggerID string
	// ResponseURL takes five answers within 30 minutes; see [Workspace.Respond].
	ResponseURL string
	// Envelope names this delivery in the log.
	Envelope string
}

// Action is a click or a choice in a message, a modal or the Home tab.
type Action struct {
	Person
	// ID is the action_id, Block the block_id.
	ID, Block string
	// Value is a button's value, the value of the one selected option, or the text of an input;
	// whatever else was chosen is in Raw.
	Value string
	Raw   slack.BlockAction
	// Channel, TS and Thread say which message was clicked; all are empty in a view. Thread is
	// empty for a top-level message.
	Channel, TS, Thread string
	// Ephemeral is true for a message that only this person sees. It has no lasting timestamp.
	Ephemeral bool
	// View is the modal or Home tab that was clicked in, with its state and hash; nil for a
	// message.
	View *slack.View
	// Shown is the [blockkit.Fingerprint] of the message or view as it was when Slack took the
	// click, nil if it has no blocks. Slack sends no content of an ephemeral message.
	Shown []byte
	// Message is that message, as Slack sent it; nil for a view.
	Message json.RawMessage
	// State holds the stateful elements of the message or view by block_id and action_id.
	State map[string]map[string]slack.BlockAction
	// TriggerID opens or pushes one modal within 3 seconds.
	TriggerID string
	// ResponseURL answers a click in a message; empty in a view.
	ResponseURL string
	Envelope    string
}

// Submission is a submitted modal.
type Submission struct {
	Person
	// CallbackID and Metadata are the view's own; Metadata is its private_metadata, which comes
	// back through Slack unchanged but is to be checked like all input.
	CallbackID, Metadata string
	View                 slack.View
	// Shown is the [blockkit.Fingerprint] of the view as it was when it was submitted.
	Shown []byte
	// State holds the inputs by block_id and action_id.
	State     map[string]map[string]slack.BlockAction
	TriggerID string
	Envelope  string
}

// Press is the submission as the press that it is.
func (s Submission) Press() Action {
	return Action{Person: s.Person, View: &s.View, Shown: s.Shown}
}

// Suggestion asks for the options of an external select.
type Suggestion struct {
	Person
	// ID is the action_id, Block the block_id, Typed what was typed so far.
	ID, Block, Typed string
	View             *slack.View
	Envelope         string
}

// Event is one event of the Events API. Slack promises neither order nor a single delivery; the
// bot drops repeats by ID.
type Event struct {
	Person
	// Type is the inner event's type, such as app_home_opened; ID is Slack's event_id.
	Type, ID string
	Channel  string
	// Tab is "home" or "messages" for app_home_opened.
	Tab string
	// Raw is the inner event.
	Raw      json.RawMessage
	Envelope string
}
