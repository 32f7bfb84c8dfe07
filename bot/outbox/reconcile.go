package outbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
)

const (
	// clockSkew is how far Slack's clock may be behind the database's.
	clockSkew = 2 * time.Minute
	// historyPage is the page size and historyPages the bound of a search: some 2,000 messages
	// after the post.
	historyPage  = 200
	historyPages = 10
	// lookFor times the time limit of a call is how long a post without an answer is looked for before
	// it is sent again: Slack may take a call long after the bot gave it up.
	lookFor = 3
)

// errSearchTooLong means that it cannot be told whether a message was posted.
var errSearchTooLong = errors.New("whether the message was posted cannot be told")

// find looks for a message that may have been posted, by the key in its metadata, and returns its
// timestamp or "". Only the bot's own messages count: any app may write metadata. Copies of the oldest
// are deleted.
func (d *delivery) find(ctx context.Context, m row) (ts string, err error) {
	self, err := d.outbox.workspace.Identity(ctx)
	if err != nil {
		return "", err
	}
	var found []shownMessage
	page := pageOf{channel: m.ChannelID, root: m.ParentTS,
		oldest: strconv.FormatFloat(float64(m.SendingSince.Add(-clockSkew).UnixMicro())/1e6, 'f', 6, 64)}
	for range historyPages {
		messages, next, err := d.outbox.history(ctx, page)
		if err != nil {
			return "", err
		}
		for _, message := range messages {
			if key, ok := keyOf(message, self); ok && key == m.Key {
				found = append(found, shownMessage{key: key, ts: message.Timestamp})
			}
		}
		if page.cursor = next; next == "" {
			return d.oldest(ctx, m, found)
		}
	}
	if len(found) > 0 {
		return d.oldest(ctx, m, found)
	}
	// Posting twice would be worse than an error that a person sees.
	return "", fmt.Errorf("%w: there are more than %d messages since", errSearchTooLong, historyPage*historyPages)
}

// oldest returns the timestamp of the oldest of several copies, and deletes the others.
func (d *delivery) oldest(ctx context.Context, m row, found []shownMessage) (ts string, err error) {
	for _, each := range found {
		if ts == "" || each.ts < ts {
			ts = each.ts
		}
	}
	for _, each := range found {
		if each.ts == ts {
			continue
		}
		if err := (comparison{d.outbox}).deleteTwin(ctx, m.ChannelID, each); err != nil {
			return "", err
		}
	}
	return ts, nil
}

// keyOf is the key of a message that the bot itself posted for the outbox.
func keyOf(message slack.Message, self bot.Identity) (key string, ok bool) {
	own := message.User == self.User || self.Bot != "" && message.BotID == self.Bot
	if !own || message.Metadata.EventType != metadataType {
		return "", false
	}
	key, ok = message.Metadata.EventPayload["key"].(string)
	return key, ok
}

// pageOf is a page of a conversation, or of a thread if it has a root.
type pageOf struct{ channel, root, oldest, cursor string }

func (o *Outbox) history(ctx context.Context, p pageOf) ([]slack.Message, string, error) {
	if p.root != "" {
		page, _, next, err := o.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: p.channel, Timestamp: p.root,
			Oldest: p.oldest, Cursor: p.cursor, Limit: historyPage, IncludeAllMetadata: true})
		if err != nil {
			return nil, "", fmt.Errorf("conversations.replies: %w", err)
		}
		return page, next, nil
	}
	page, err := o.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: p.channel, Oldest: p.oldest, Cursor: p.cursor, Limit: historyPage, IncludeAllMetadata: true})
	if err != nil {
		return nil, "", fmt.Errorf("conversations.history: %w", err)
	}
	return page.Messages, page.ResponseMetaData.NextCursor, nil
}
