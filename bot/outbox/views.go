package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot"
)

// viewRetention is how long a view is remembered after it was shown. Nobody has a form open for
// longer.
const viewRetention = 7 * 24 * time.Hour

// RecordView remembers what Slack shows of a form for a decision, for [Outbox.ViewOrigin].
func (o *Outbox) RecordView(ctx context.Context, view bot.ShownView) error {
	if _, err := o.pool.Exec(ctx, recordView, view.ID, view.Shown); err != nil {
		return fmt.Errorf("record view %s: %w", view.ID, err)
	}
	return nil
}

// ViewOrigin is [Outbox.Origin] for a form. A view that was not recorded is [Unverified]: whoever
// holds the bot's token alone has no trigger to open one.
func (o *Outbox) ViewOrigin(ctx context.Context, id string, shown []byte) (Origin, error) {
	return Verify(ctx, shown, func(ctx context.Context) (Versions, error) {
		versions := Versions{Known: true}
		err := o.pool.QueryRow(ctx, selectView, id).Scan(&versions.Last, &versions.Earlier)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return Versions{}, fmt.Errorf("origin of view %s: %w", id, err)
		}
		return versions, nil
	})
}
