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
