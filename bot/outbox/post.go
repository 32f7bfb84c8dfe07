package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/webapi"
)

// metadataType names the bot's messages in their metadata; the payload holds the key and nothing else.
const metadataType = "onboardbot_message"

// planRefusal is the hold that remembers a workspace without plan blocks.
const planRefusal = "blocks/plan"

// post sends a message for the first time. The row says `sending` in a committed transaction before the call goes out, so a
// row found `sending` is one whose post may have arrived: it is looked for first.
func (d *delivery) post(ctx context.Context, m row) error {
	channel, err := d.conversation(ctx, m)
	if err != nil {
		return d.record(ctx, m, "post", err)
	}
	m.ChannelID = channel
	if m.SendingHash != nil {
		ts, err := d.find(ctx, m)
		if err != nil {
			return d.record(ctx, m, "post", fmt.Errorf("look for the message: %w", err))
		}
		if ts != "" {
			d.outbox.delivered.WithLabelValues("post", "found").Inc()
			return d.delivered(ctx, m, m.SendingHash, ts)
		}
	}
	if err := d.sending(ctx, m); err != nil {
		return err
	}
	var ts string
	err = d.withFallback(ctx, m, func(options ...slack.MsgOption) (err error) {
		options = append(options, slack.MsgOptionMetadata(slack.SlackMetadata{EventType: metadataType,
			EventPayload: map[string]any{"key": m.Key}}))
		if m.ThreadTS != "" {
			options = append(options, slack.MsgOptionTS(m.ThreadTS))
		}
		_, ts, err = d.outbox.api.PostMessageContext(ctx, m.ChannelID, options...)
		return err
	})
	if err != nil {
		return d.record(ctx, m, "post", err)
	}
	d.outbox.delivered.WithLabelValues("post", webapi.Succeeded.String()).Inc()
	return d.delivered(ctx, m, m.Hash, ts)
}

// update changes a message in place. It may be repeated at will.
func (d *delivery) update(ctx context.Context, m row) error {
	err := d.withFallback(ctx, m, func(options ...slack.MsgOption) error {
		_, _, _, err := d.outbox.api.UpdateMessageContext(ctx, m.ChannelID, m.TS, options...)
		return err
	})
	if err != nil {
		return d.record(ctx, m, "update", err)
	}
	d.outbox.delivered.WithLabelValues("update", webapi.Succeeded.String()).Inc()
	return d.delivered(ctx, m, m.Hash, m.TS)
}

// withFallback sends the message's blocks, or its fallback where the workspace refuses those, or at last its text alone: something
// is always said.
func (d *delivery) withFallback(ctx context.Context, m row, send func(...slack.MsgOption) error) error {
	forms := [][]byte{m.Blocks}
	if m.Fallback != nil {
		forms = append(forms, m.Fallback)
	}
	if m.Blocks != nil {
		forms = append(forms, nil)
	}
	plan := m.Fallback != nil && bytes.Contains(m.Blocks, []byte(`"type":"plan"`))
	if plan && m.PlanRefused {
		forms = forms[1:]
	}
	var err error
	for i, blocks := range forms {
		if err = send(options(m.Text, blocks)...); !unshowable(err) || i == len(forms)-1 {
			break
		}
		d.outbox.log.Warn("slack refuses blocks; something simpler is sent", "message", m.Key, "error", webapi.Detailed(err))
		if plan && i == 0 && webapi.Code(err) == "invalid_blocks" && !m.PlanRefused {
			if err := d.hold(ctx, planRefusal, d.outbox.cfg.RefusalMemory); err != nil {
				return err
			}
		}
	}
	return err
}

// unshowable reports whether Slack refused the blocks and nothing else.
func unshowable(err error) bool {
	return slices.Contains([]string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"}, webapi.Code(err))
}

func options(text string, blocks []byte) []slack.MsgOption {
	return []slack.MsgOption{slack.MsgOptionText(text, false), slack.MsgOptionBlocks(stored(blocks)...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
}

// storedBlock is a block as it was put, byte for byte; slack-go may not know all of it.
type storedBlock struct{ json.RawMessage }

func (storedBlock) BlockType() slack.MessageBlockType { return "" }
func (storedBlock) ID() string                        { return "" }

func stored(blocks []byte) []slack.Block {
	var raw []json.RawMessage
	if len(blocks) == 0 || json.Unmarshal(blocks, &raw) != nil {
		return nil
	}
	set := make([]slack.Block, len(raw))
	for i, block := range raw {
		set[i] = storedBlock{block}
	}
	return set
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
	err := d.conn.QueryRow(ctx, `
		SELECT coalesce(max(channel_id), '') FROM slack_messages WHERE channel = $1 AND ts IS NOT NULL`, m.Channel).Scan(&known)
	if err != nil || known != "" {
		return known, err
	}
	dm, _, _, err := d.outbox.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{m.Channel}})
	if err != nil {
		return "", fmt.Errorf("conversations.open: %w", err)
	}
	return dm.ID, nil
}
