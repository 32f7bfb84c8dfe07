package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// orphanType is the metadata type of a message that was marked, so it is marked once.
const orphanType = "onboardbot_orphan"

// orphanNotice is the sentence above a message that the database does not know.
const orphanNotice = "⚠️ The bot no longer knows this message: its database was restored to an earlier time. " +
	"The buttons are gone. What counts is in the messages below, or in the answer to the status command."

// markOrphan takes the buttons from a message that the database does not know, and says so. The
// replies of a message at the top level are marked too.
func (c comparison) markOrphan(ctx context.Context, p place, orphan shownMessage) error {
	notice := blockkit.Section(orphanNotice)
	blocks := []slack.Block{notice}
	for _, block := range orphan.message.Blocks.BlockSet {
		if kept := withoutButtons(block); kept != nil && len(blocks) < blockkit.MaxMessageBlocks {
			blocks = append(blocks, kept)
		}
	}
	text := blockkit.Truncate(orphanNotice+"\n"+orphan.message.Text, blockkit.MaxText)
	mark := slack.MsgOptionMetadata(slack.SlackMetadata{EventType: orphanType,
		EventPayload: map[string]any{"key": orphan.key}})
	update := func(blocks ...slack.Block) error {
		return webapi.RetryBriefly(ctx, true, func() error {
			_, _, _, err := c.outbox.api.UpdateMessageContext(ctx, p.Channel, orphan.ts,
				slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...), mark)
			return err
		})
	}
	err := update(blocks...)
	if blocksRefused(err) {
		err = update(notice)
	}
	if outcome, _ := webapi.Classify(err); outcome == webapi.Refused {
		c.outbox.log.WarnContext(ctx, "slack refuses to mark a message that the database does not know",
			"message", orphan.key, "channel", p.Channel, "ts", orphan.ts, "error", webapi.Detailed(err))
		err = nil
	}
	if err != nil {
		return fmt.Errorf("mark message %q: %w", orphan.key, err)
	}
	c.outbox.count(orphanAttempt, webapi.Succeeded.String())
	if p.RootTS != "" || orphan.message.ReplyCount == 0 {
		return nil
	}
	return c.comparePlace(ctx, place{Channel: p.Channel, Root: orphan.key, RootTS: orphan.ts})
}

// withoutButtons is a block without what people can press, nil if nothing is left of it.
func withoutButtons(block slack.Block) slack.Block {
	switch block := block.(type) {
	case *slack.ActionBlock, *slack.UnknownBlock:
		return nil
	case *slack.SectionBlock:
		kept := *block
		kept.Accessory = nil
		return &kept
	}
	encoded, err := json.Marshal(block)
	if err != nil {
		return nil
	}
	return storedBlock{encoded}
}

// deleteTwin deletes a copy of a message that is recorded elsewhere.
func (c comparison) deleteTwin(ctx context.Context, channel string, twin shownMessage) error {
	_, _, err := c.outbox.api.DeleteMessageContext(ctx, channel, twin.ts)
	if outcome, _ := webapi.Classify(err); outcome == webapi.Refused {
		c.outbox.log.WarnContext(ctx, "slack refuses to delete a message that was posted twice", "message", twin.key,
			"channel", channel, "ts", twin.ts, "error", webapi.Detailed(err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete the copy of message %q: %w", twin.key, err)
	}
	c.outbox.count(twinAttempt, webapi.Succeeded.String())
	return nil
}
