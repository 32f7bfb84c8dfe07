package bot

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
)

// maxAckFrame is the size in bytes below which an acknowledgement must stay, envelope included:
// Slack closes the connection on a longer text frame or drops the frame silently
// (https://docs.slack.dev/apis/events-api/using-socket-mode).
const maxAckFrame = 20_480

func replyPayload(r post.Reply) (json.RawMessage, error) {
	if r.Text == "" && len(r.Blocks) == 0 && !r.InChannel {
		return nil, nil
	}
	body := struct {
		ResponseType string        `json:"response_type"`
		Text         string        `json:"text,omitempty"`
		Blocks       []slack.Block `json:"blocks,omitempty"`
	}{"ephemeral", r.Text, r.Blocks}
	if r.InChannel {
		body.ResponseType = "in_channel"
	}
	return json.Marshal(body)
}

// Answer is the answer to a submitted modal. The zero value closes its view and leaves those
// below it.
type Answer struct {
	response *slack.ViewSubmissionResponse
	late     *slack.ModalViewRequest
}

// FieldErrors keeps the modal open and says what is wrong, by block_id of input blocks. For any
// other block Slack shows "trouble connecting".
func FieldErrors(byBlock map[string]string) Answer {
	return Answer{response: slack.NewErrorsViewSubmissionResponse(byBlock)}
}

// ReplaceView puts another view in the modal's place. Slack shows "trouble connecting" for an
// invalid view and reports it to nobody.
func ReplaceView(view slack.ModalViewRequest) Answer {
	return Answer{response: slack.NewUpdateViewSubmissionResponse(&view)}
}

// OrLate adds what [LateForms] shows in place of the answer if it comes after Config.AckWithin.
func (a Answer) OrLate(view slack.ModalViewRequest) Answer {
	a.late = &view
	return a
}

// Late is the view for an answer that comes late: that of [Answer.OrLate], or else of
// [ReplaceView]. It is nil for other answers.
func (a Answer) Late() *slack.ModalViewRequest {
	if a.late == nil && a.response != nil {
		return a.response.View
	}
	return a.late
}

// Text is what the answer says, as mrkdwn: its field errors, or the sections of its view. It is
// empty for an answer that closes the form.
func (a Answer) Text() string {
	if a.response == nil {
		return ""
	}
	var lines []string
	for _, block := range slices.Sorted(maps.Keys(a.response.Errors)) {
		lines = append(lines, blockkit.Escape(a.response.Errors[block]))
	}
	if a.response.View != nil {
		for _, block := range a.response.View.Blocks.BlockSet {
			if section, ok := block.(*slack.SectionBlock); ok && section.Text != nil {
				lines = append(lines, section.Text.Text)
			}
		}
	}
	return strings.Join(lines, "\n")
}

func (a Answer) payload() (json.RawMessage, error) {
	if a.response == nil {
		return nil, nil
	}
	return json.Marshal(a.response)
}

func suggestions(options []*slack.OptionBlockObject) (json.RawMessage, error) {
	if len(options) > blockkit.MaxSelectOptions {
		return nil, fmt.Errorf("%d options are more than Slack's %d", len(options), blockkit.MaxSelectOptions)
	}
	if options == nil {
		options = []*slack.OptionBlockObject{}
	}
	return json.Marshal(struct {
		Options []*slack.OptionBlockObject `json:"options"`
	}{options})
}

// frame is an acknowledgement as it is sent.
func frame(envelope string, payload json.RawMessage) ([]byte, error) {
	encoded, err := json.Marshal(struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload,omitempty"`
	}{envelope, payload})
	if err != nil {
		return nil, err
	}
	if len(encoded) >= maxAckFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrAckTooLarge, len(encoded))
	}
	return encoded, nil
}
