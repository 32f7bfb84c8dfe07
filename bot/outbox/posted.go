package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/webapi"
)

// ErrUnknownMessage means that the outbox holds no such message, or that Slack has not got it yet.
var ErrUnknownMessage = errors.New("message not found in the outbox")

// Posted is where Slack shows a message.
type Posted struct {
	Key string
	// Channel is the conversation, which for a message to a person is the DM.
	Channel string `db:"channel_id"`
	// TS is the timestamp that names the message in its channel. Empty for a file whose share
	// Slack has not shown.
	TS string
}

// Querier is a pool or a transaction. Who is in a transaction asks through it and needs no second
// connection.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Posted returns where Slack shows messages, by key. A message that Slack has not got yet is
// missing.
func (o *Outbox) Posted(ctx context.Context, db Querier, keys ...string) (map[string]Posted, error) {
	rows, err := db.Query(ctx, selectPosted, keys)
	if err != nil {
		return nil, fmt.Errorf("posted messages: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Posted])
	if err != nil {
		return nil, fmt.Errorf("posted messages: %w", err)
	}
	posted := make(map[string]Posted, len(found))
	for _, p := range found {
		posted[p.Key] = p
	}
	return posted, nil
}

// Permalinks returns the addresses of messages, by key, where [Outbox.Permalink] found them before.
// Slack is not asked, so it may be called in a transaction.
func (o *Outbox) Permalinks(ctx context.Context, db Querier, keys ...string) (map[string]string, error) {
	links, err := textByKey(ctx, db, selectPermalinks, keys)
	if err != nil {
		return nil, fmt.Errorf("permalinks: %w", err)
	}
	return links, nil
}

// textByKey returns the rows of a query for two texts, the first of which is the key.
func textByKey(ctx context.Context, db Querier, query string, args ...any) (map[string]string, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	var key, text string
	_, err = pgx.ForEachRow(rows, []any{&key, &text}, func() error {
		found[key] = text
		return nil
	})
	return found, err
}

// Permalink is the lasting address of a message, or fails with [ErrUnknownMessage]. Slack is asked
// once for each message, so it must not be called in a transaction.
func (o *Outbox) Permalink(ctx context.Context, key string) (string, error) {
	var channel, ts, link string
	err := o.pool.QueryRow(ctx, selectPermalink, key).Scan(&channel, &ts, &link)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknownMessage
	}
	if err != nil {
		return "", fmt.Errorf("permalink of %q: %w", key, err)
	}
	if link != "" {
		return link, nil
	}
	err = webapi.RetryBriefly(ctx, true, func() (err error) {
		link, err = o.api.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: channel, Ts: ts})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("permalink of %q: %w", key, err)
	}
	if _, err = o.pool.Exec(ctx, updatePermalink, key, link); err != nil {
		return "", fmt.Errorf("permalink of %q: %w", key, err)
	}
	return link, nil
}
