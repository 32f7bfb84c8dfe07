package bot

import "errors"

var (
	// ErrAckTooLarge means an acknowledgement of 20,480 bytes or more, which Slack would drop.
	ErrAckTooLarge = errors.New("acknowledgement exceeds Slack's frame limit")
	// ErrForeignTeam means a person of another workspace.
	ErrForeignTeam = errors.New("person belongs to another workspace")
	// ErrBadResponseURL means a response_url that is no address; the address itself is secret.
	ErrBadResponseURL = errors.New("response_url is not a valid address")
	// ErrUnknownPerson means that Slack knows no such user, or none that the bot may see.
	ErrUnknownPerson = errors.New("person not found")
)

// lateTriggers are Slack's codes for a trigger_id that is no longer valid: after 3 seconds, or
// when it was used (https://docs.slack.dev/reference/methods/views.open). The guide spells two
// otherwise.
var lateTriggers = []string{"expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "trigger_exchanged"}

// LateError means that Slack did not open a view, since the trigger_id was no longer valid.
type LateError struct{ Err error }

func (e *LateError) Error() string { return e.Err.Error() }

func (e *LateError) Unwrap() error { return e.Err }

// Mrkdwn is the sentence for the person who waits for the view.
func (e *LateError) Mrkdwn() string { return "Slack did not open the form in time. Try again." }
