package outbox

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/bot"
)

// viewRetention is how long a view is remembered after it was shown. Nobody has a form open for
// longer.
const viewRetention = 7 * 24 * time.Hour

// Question is a private question with buttons. Slack sends no content of such a message with a press,
// so the bot remembers what it asked whom.
type Question struct {
	// Block is the block_id of the buttons. Nobody else knows it before it is asked.
	Block string
	// Person is who was asked, and About the value of the buttons.
	Person, About string
}

// View is the question as a view that [Outbox.RecordView] remembers for [Outbox.Asked].
func (q Question) View() bot.ShownView {
	sum := sha256.Sum256([]byte(q.Person + "\n" + q.About))
	return bot.ShownView{ID: "question/" + q.Block, Shown: sum[:]}
}

// Asked reports whether the bot asked a question.
func (o *Outbox) Asked(ctx context.Context, q Question) (asked bool, err error) {
	view := q.View()
	if err = o.pool.QueryRow(ctx, selectQuestion, view.ID, view.Shown).Scan(&asked); err != nil {
		return false, fmt.Errorf("question %s: %w", q.Block, err)
	}
	return asked, nil
}

// AnnounceView remembers what a form for a decision is about to show, for [Outbox.ViewOrigin]. A form that
// has no id before Slack opens it is remembered under its external_id.
func (o *Outbox) AnnounceView(ctx context.Context, view bot.ShownView) error {
	if _, err := o.pool.Exec(ctx, announceView, view.ID, view.Shown); err != nil {
		return fmt.Errorf("announce view %s: %w", view.ID, err)
	}
	return nil
}

// RecordView remembers what Slack shows of a form for a decision, for [Outbox.ViewOrigin].
func (o *Outbox) RecordView(ctx context.Context, view bot.ShownView) error {
	if _, err := o.pool.Exec(ctx, recordView, view.ID, view.Shown); err != nil {
		return fmt.Errorf("record view %s: %w", view.ID, err)
	}
	return nil
}

// ViewOrigin is [Outbox.Origin] for a form. opened is the form under its external_id: if nothing is known
// of its id, it shows what it was opened with. A view that was not recorded is [Unverified]: whoever
// holds the bot's token alone has no trigger to open one.
func (o *Outbox) ViewOrigin(ctx context.Context, view, opened bot.ShownView) (Origin, error) {
	return Verify(ctx, view.Shown, func(ctx context.Context) (Versions, error) {
		versions := Versions{Known: true}
		var opening bool
		err := o.pool.QueryRow(ctx, selectView, view.ID, opened.ID, opened.Shown).
			Scan(&versions.Last, &versions.Earlier, &versions.Announced, &opening)
		if err != nil {
			return Versions{}, fmt.Errorf("origin of view %s: %w", view.ID, err)
		}
		if versions.Last == nil && opening {
			versions.Last = view.Shown
		}
		return versions, nil
	})
}
