package home

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
)

const selectPublished = `SELECT published, published_earlier, publishing FROM home_viewers WHERE operator = $1`

// Origin returns whether somebody's tab shows what the bot published. shown is the fingerprint of
// what Slack says that it shows. It takes at most about a second.
func (t *Tabs) Origin(ctx context.Context, person bot.Person, shown []byte) (outbox.Origin, error) {
	return outbox.Verify(ctx, shown, func(ctx context.Context) (outbox.Versions, error) {
		var versions outbox.Versions
		err := t.Viewers.pool.QueryRow(ctx, selectPublished, person.ID).
			Scan(&versions.Last, &versions.Earlier, &versions.Announced)
		if errors.Is(err, pgx.ErrNoRows) {
			return outbox.Versions{}, nil
		}
		if err != nil {
			return outbox.Versions{}, fmt.Errorf("viewer %s: %w", person.ID, err)
		}
		versions.Known = true
		return versions, nil
	})
}
