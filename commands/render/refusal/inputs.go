package refusal

import (
	"errors"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// The block ids of the inputs for a reason and for a code, and their action id.
const (
	BlockReason = "reason"
	BlockCode   = "code"
	ActionInput = "input"
)

// CodeInput asks for the six digits that an authenticator app shows, perhaps with a space between.
func CodeInput() *slack.InputBlock {
	code := slack.NewPlainTextInputBlockElement(blockkit.Plain("123456", blockkit.MaxPlaceholder), ActionInput)
	code.MinLength, code.MaxLength = 6, 7
	label := blockkit.Plain("Code from your authenticator app", blockkit.MaxInputLabel)
	return slack.NewInputBlock(BlockCode, label, nil, code)
}

// ReasonInput asks for a reason that somebody reads, such as the requester.
func ReasonInput(label, reader string, focused bool) *slack.InputBlock {
	reason := slack.NewPlainTextInputBlockElement(blockkit.Plain("For the "+reader+" and the audit log",
		blockkit.MaxPlaceholder), ActionInput)
	reason.Multiline, reason.MaxLength, reason.FocusOnLoad = true, onboarding.MaxReason, focused
	return slack.NewInputBlock(BlockReason, blockkit.Plain(label, blockkit.MaxInputLabel), nil, reason)
}

// Typed returns what somebody typed into the inputs of a form, by block id and action id. What the
// form does not ask for is empty.
func Typed(state map[string]map[string]slack.BlockAction) (reason, code string) {
	return state[BlockReason][ActionInput].Value, state[BlockCode][ActionInput].Value
}

// Fields returns what is wrong with what somebody typed into a form, by block id. It is empty if
// the error is about something else, or about what the form does not ask for.
func Fields(err error, state map[string]map[string]slack.BlockAction) map[string]string {
	block := ""
	if _, wrong := errors.AsType[*onboarding.CodeError](err); wrong {
		block = BlockCode
	} else if errors.Is(err, onboarding.ErrNoReason) {
		block = BlockReason
	}
	if _, asked := state[block]; !asked {
		return nil
	}
	text, _ := Text(err)
	return map[string]string{block: strings.ReplaceAll(text, "`", "")} // Slack shows it as plain text
}
