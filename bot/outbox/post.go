package outbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// metadataType names the bot's messages in their metadata; the payload holds the key and nothing
// else.
const metadataType = "onboardbot_message"

// refusals are the scopes of the holds which remember that the workspace refuses a type of block. The
// key is what encoded blocks of that type contain.
var refusals = map[string]string{
	`"type":"plan"`:       "blocks/plan",
	`"type":"data_table"`: "blocks/data_table",
}

// refusal is the scope for the blocks of a message, "" if every workspace takes them or the message has
// no fallback.
func (m row) refusal() string {
	for written, scope := range refusals {
		if m.Fallback != nil && bytes.Contains(m.Blocks, []byte(written)) {
			return scope
		}
	}
	return ""
}

// post sends a message for the first time. The row says that it is being sent, in a committed
// transaction, before the call goes out. A row that is found so is one whose post may have
// arrived, and Slack is asked for the message first.
func (d *delivery) post(ctx context.Context, m row) (err error) {
	if m.ChannelID, err = d.conversation(ctx, m); err != nil {
		return d.failed(ctx, m, postAttempt, err)
	}
	if m.SendingHash != nil {
		ts, err := d.find(ctx, m)
		if err != nil {
			return d.failed(ctx, m, postAttempt, fmt.Errorf("look for the message: %w", err))
		}
		if ts != "" {
			d.count(postAttempt, resultFound)
			// What Slack shows is known from the answer to an update. Until then nobody's press in
			// the message would count.
			m.TS = ts
			return d.update(ctx, m)
		}
		if m.UnansweredAt != nil && time.Since(*m.UnansweredAt) < d.lookTime() {
			return d.exec(ctx, recordFailure, m.Key, "slack did not answer in time; the message is not there yet",
				min(backoff(m.Attempts), d.lookTime()), false, false)
		}
	}
	if err := d.exec(ctx, startPost, m.Key, m.Hash, m.ChannelID, m.pressable(m.forms()[0])); err != nil {
		return err
	}
	var ts string
	calling, answer := webapi.Capture(ctx)
	err = d.withFallback(ctx, m, func(options ...slack.MsgOption) (err error) {
		options = append(options, slack.MsgOptionMetadata(slack.SlackMetadata{EventType: metadataType,
			EventPayload: map[string]any{"key": m.Key}}))
		if m.ParentTS != "" {
			options = append(options, slack.MsgOptionTS(m.ParentTS))
		}
		_, ts, err = d.outbox.api.PostMessageContext(calling, m.ChannelID, options...)
		return err
	})
	if err != nil {
		return d.failed(ctx, m, postAttempt, err)
	}
	d.count(postAttempt, webapi.Succeeded.String())
	if err := d.delivered(ctx, m, shows{hash: m.Hash, ts: ts, fingerprint: fingerprint(answer)}); err != nil {
		return err
	}
	if m.UnansweredAt == nil {
		return nil
	}
	// The post that got no answer may still arrive.
	return d.outbox.compareAfter(ctx, cmp.Or(m.Thread, m.Key), d.lookTime())
}

// lookTime is how long a post without an answer is looked for before it is sent again.
func (d *delivery) lookTime() time.Duration { return lookFor * d.outbox.workspace.Config().CallTimeout }

// update changes a message in place, which may be repeated. What people could press in counts as shown
// from before the call on, whether or not its answer is recorded. A message that was deleted in Slack
// is posted anew.
func (d *delivery) update(ctx context.Context, m row) error {
	if err := d.startForm(ctx, m, m.forms()[0]); err != nil {
		return err
	}
	calling, answer := webapi.Capture(ctx)
	err := d.withFallback(ctx, m, func(options ...slack.MsgOption) error {
		_, _, _, err := d.outbox.api.UpdateMessageContext(calling, m.ChannelID, m.TS, options...)
		return err
	})
	if webapi.Code(err) == "message_not_found" {
		d.outbox.log.Warn("a message was deleted in slack and is posted again", "message", m.Key, "channel", m.Channel)
		return d.exec(ctx, forgetPosted, m.Key, m.TS)
	}
	if err != nil {
		return d.failed(ctx, m, updateAttempt, err)
	}
	d.count(updateAttempt, webapi.Succeeded.String())
	return d.delivered(ctx, m, shows{hash: m.Hash, ts: m.TS, fingerprint: fingerprint(answer)})
}

// fingerprint identifies what Slack says that the message of an answer shows.
func fingerprint(answer *webapi.Captured) []byte {
	var body struct {
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(answer.Body, &body) != nil {
		return nil
	}
	return blockkit.Fingerprint(body.Message)
}

// buttonsRefused ends the text of a message whose buttons the workspace refuses.
const buttonsRefused = "Slack refused the buttons of this message. Decide in the bot's Home tab, or use a command."

// forms are the blocks to try, best first: the message's own, unless it is remembered that the workspace
// refuses them; its fallback; and none, for the text alone.
func (m row) forms() [][]byte {
	forms := [][]byte{m.Blocks}
	if m.Fallback != nil {
		forms = append(forms, m.Fallback)
	}
	if m.Blocks != nil {
		forms = append(forms, nil)
	}
	if slices.Contains(m.Refused, m.refusal()) {
		forms = forms[1:]
	}
	return forms
}

// startForm records that blocks of a message are about to be sent, if somebody could press in them.
func (d *delivery) startForm(ctx context.Context, m row, blocks []byte) error {
	if shown := m.pressable(blocks); shown != nil {
		return d.exec(ctx, startForm, m.Key, shown)
	}
	return nil
}

// pressable is the fingerprint of what a message shows with these blocks, nil if nobody can press in it.
func (m row) pressable(blocks []byte) []byte {
	if !bytes.Contains(blocks, []byte(`"action_id"`)) {
		return nil
	}
	_, shown := m.content(blocks)
	message, err := json.Marshal(map[string]any{"blocks": shown})
	if err != nil {
		return nil
	}
	return blockkit.Fingerprint(message)
}

// withFallback sends the forms of a message until the workspace takes one.
func (d *delivery) withFallback(ctx context.Context, m row, send func(...slack.MsgOption) error) error {
	hasButtons := bytes.Contains(m.Blocks, []byte(`"type":"button"`))
	forms, refusal := m.forms(), m.refusal()
	var err error
	for i, blocks := range forms {
		if i > 0 {
			if err := d.startForm(ctx, m, blocks); err != nil {
				return err
			}
		}
		if blocks == nil && hasButtons {
			m.Text = blockkit.Truncate(m.Text, blockkit.MaxText-len(buttonsRefused)-1) + "\n" + buttonsRefused
		}
		if err = send(options(m, blocks)...); !blocksRefused(err) || i == len(forms)-1 {
			break
		}
		d.outbox.log.Warn("slack refuses blocks; a simpler form is sent",
			"message", m.Key, "error", webapi.Detailed(err))
		if refusal != "" && i == 0 && webapi.Code(err) == "invalid_blocks" && !slices.Contains(m.Refused, refusal) {
			if err := d.hold(ctx, refusal, d.outbox.workspace.Config().RefusalMemory); err != nil {
				return err
			}
		}
	}
	return err
}

// blocksRefused reports whether Slack refused the blocks and nothing else.
func blocksRefused(err error) bool {
	codes := []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"}
	return slices.Contains(codes, webapi.Code(err))
}

// notice stands above a message that was deleted in Slack, or that comes late. It is empty for others.
func (m row) notice() string {
	switch {
	case m.Again:
		return "Posted again, because the message was deleted."
	case m.Late && m.Behind > 0:
		return fmt.Sprintf("⏳ Delivered late: this is from %s. Messages still waiting: %d.",
			blockkit.DateSeconds(m.Since), m.Behind)
	case m.Late:
		return fmt.Sprintf("⏳ Delivered late: this is from %s.", blockkit.DateSeconds(m.Since))
	}
	return ""
}

// content is the text of a message and its blocks in one form, with the notice.
func (m row) content(encoded []byte) (text string, blocks []slack.Block) {
	text, blocks = m.Text, decodeBlocks(encoded)
	notice := m.notice()
	if notice != "" {
		text = blockkit.Truncate(notice+"\n"+text, blockkit.MaxText)
	}
	if notice != "" && len(blocks) > 0 && len(blocks) < blockkit.MaxMessageBlocks {
		blocks = slices.Insert(blocks, 0, slack.Block(blockkit.Context(notice)))
	}
	return text, blocks
}

func options(m row, encoded []byte) []slack.MsgOption {
	text, blocks := m.content(encoded)
	return []slack.MsgOption{slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
}

// conversation is the id to post to: the channel itself, or the person's DM.
func (d *delivery) conversation(ctx context.Context, m row) (string, error) {
	if m.ChannelID != "" {
		return m.ChannelID, nil
	}
	if !strings.HasPrefix(m.Channel, "U") && !strings.HasPrefix(m.Channel, "W") {
		return m.Channel, nil
	}
	var known string
	err := d.session.Conn().QueryRow(ctx, selectDM, m.Channel).Scan(&known)
	if err != nil || known != "" {
		return known, err
	}
	person := &slack.OpenConversationParameters{Users: []string{m.Channel}}
	dm, _, _, err := d.outbox.api.OpenConversationContext(ctx, person)
	if err != nil {
		return "", fmt.Errorf("conversations.open: %w", err)
	}
	return dm.ID, nil
}
