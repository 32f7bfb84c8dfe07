package outbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/slack-go/slack"
)

const (
	// clockSkew is how far Slack's clock may be behind the database's.
	clockSkew = 2 * time.Minute
	// historyPage is the page size and historyPages the bound of a search: some 2,000 messages
	// after the post.
	historyPage  = 200
	historyPages = 10
)

// errSearchTooLong means that it cannot be told whether a message was posted.
var errSearchTooLong = errors.New("whether the message was posted cannot be told")

// find looks for a message that may have been posted, by the key in its metadata, and returns its
// timestamp or "". Only the bot's own messages count: any app may write metadata.
func (d *delivery) find(ctx context.Context, m row) (ts string, err error) {
	self, err := d.outbox.workspace.Identity(ctx)
	if err != nil {
		return "", err
	}
	oldest := strconv.FormatFloat(float64(m.SendingSince.Add(-clockSkew).UnixMicro())/1e6, 'f', 6, 64)
	cursor := ""
	for range historyPages {
		page, next, err := d.history(ctx, m, oldest, cursor)
		if err != nil {
			return "", err
		}
		for _, found := range page {
			own := found.User == self.User || self.Bot != "" && found.BotID == self.Bot
			if own && found.Metadata.EventType == metadataType && found.Metadata.EventPayload["key"] == m.Key {
				return found.Timestamp, nil
			}
		}
		if next == "" {
			return "", nil
		}
		cursor = next
	}
	// Posting twice would be worse than an error that a person sees.
	return "", fmt.Errorf("%w: there are more than %d messages since", errSearchTooLong, historyPage*historyPages)
}

// history is a page of the conversation or thread in which the message would be.
func (d *delivery) history(ctx context.Context, m row, oldest, cursor string) ([]slack.Message, string, error) {
	if m.ParentTS != "" {
		page, _, next, err := d.outbox.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: m.ChannelID, Timestamp: m.ParentTS,
			Oldest: oldest, Cursor: cursor, Limit: historyPage, IncludeAllMetadata: true})
		if err != nil {
			return nil, "", fmt.Errorf("conversations.replies: %w", err)
		}
		return page, next, nil
	}
	page, err := d.outbox.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: m.ChannelID, Oldest: oldest, Cursor: cursor, Limit: historyPage, IncludeAllMetadata: true})
	if err != nil {
		return nil, "", fmt.Errorf("conversations.history: %w", err)
	}
	return page.Messages, page.ResponseMetaData.NextCursor, nil
}
