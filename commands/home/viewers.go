package home

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
)

const (
	// viewerWindow is how long after somebody opened the Home tab it is kept current: Slack does
	// not say when they leave it.
	viewerWindow = 15 * time.Minute
	// maxViewers bounds how many tabs are kept current: those that were opened last.
	maxViewers = 20
	// updateInterval is the least time between two versions of one tab. With it, maxViewers stay
	// near the 100 calls a minute that Slack allows for views.publish
	// (https://docs.slack.dev/apis/web-api/rate-limits, Tier 4). Later changes wait.
	updateInterval = 3 * time.Second
	// claimTimeout is how long a tab stays claimed by a sweep that died.
	claimTimeout = time.Minute
	// releaseTimeout bounds the statement that ends a claim.
	releaseTimeout = 5 * time.Second
)

// Viewers is the table of those who look at their Home tab.
type Viewers struct{ pool *pgxpool.Pool }

// NewViewers returns the viewers in the bot's own database, whose connections have its schema as
// their search path.
func NewViewers(pool *pgxpool.Pool) *Viewers { return &Viewers{pool: pool} }

// viewer is somebody who looks at the Home tab.
type viewer struct {
	bot.Person
	shown string // the digest of what they see
	early bool   // the tab changed a moment ago
}

const anybodyLooks = `SELECT EXISTS (SELECT FROM home_viewers WHERE opened_at > clock_timestamp() - $1::interval)`

// Changed inserts the job that updates the tabs, if anybody looks. It belongs to the transaction
// of the change.
func (v *Viewers) Changed(ctx context.Context, tx pgx.Tx) error {
	var anybody bool
	if err := tx.QueryRow(ctx, anybodyLooks, viewerWindow).Scan(&anybody); err != nil {
		return fmt.Errorf("viewers: %w", err)
	}
	if !anybody {
		return nil
	}
	jobs, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err == nil {
		_, err = jobs.InsertTx(ctx, tx, refreshArgs{}, nil)
	}
	if err != nil {
		return fmt.Errorf("viewers: %w", err)
	}
	return nil
}

const (
	countViewers = `
		SELECT count(*) FROM (
			SELECT FROM home_viewers WHERE opened_at > clock_timestamp() - $1::interval LIMIT $2) recent`
	claimViewers = `
		UPDATE home_viewers SET claimed_until = clock_timestamp() + $3::interval
		WHERE operator IN (
			SELECT operator FROM home_viewers WHERE opened_at > clock_timestamp() - $1::interval
			ORDER BY opened_at DESC LIMIT $2)
		  AND coalesce(claimed_until, '-infinity') <= clock_timestamp()
		RETURNING team, operator, shown, shown_at > clock_timestamp() - $4::interval`
)

// claim returns those whose tabs no other sweep is busy with, and reports whether it left any
// out. A sweep reads what the tabs show after it claimed them, so it answers all jobs that waited
// until then.
func (v *Viewers) claim(ctx context.Context) (claimed []viewer, left bool, err error) {
	err = pgx.BeginFunc(ctx, v.pool, func(tx pgx.Tx) error {
		if err := deleteWaitingJobs(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, claimViewers, viewerWindow, maxViewers, claimTimeout, updateInterval)
		if err != nil {
			return err
		}
		claimed, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (viewer, error) {
			var v viewer
			return v, row.Scan(&v.Team, &v.ID, &v.shown, &v.early)
		})
		if err != nil {
			return err
		}
		var all int
		err = tx.QueryRow(ctx, countViewers, viewerWindow, maxViewers).Scan(&all)
		left = len(claimed) < all
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("viewers: %w", err)
	}
	return claimed, left, nil
}

// maxWaiting is how many waiting jobs one sweep answers. The next one answers those that are
// left.
const maxWaiting = 1000

// deleteWaitingJobs deletes the jobs that a sweep answers. Outside of a job there is no River
// client, and they stay.
func deleteWaitingJobs(ctx context.Context, tx pgx.Tx) error {
	jobs, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return nil
	}
	_, err = jobs.JobDeleteManyTx(ctx, tx,
		river.NewJobDeleteManyParams().Kinds(refreshArgs{}.Kind()).States(rivertype.JobStateAvailable).First(
			maxWaiting))
	return err
}

const (
	// viewerAnnounced is a row without a digest if there is none: the next sweep publishes the tab again.
	viewerAnnounced = `
		INSERT INTO home_viewers AS v (operator, team, shown, publishing) VALUES ($1, $2, '', $3)
		ON CONFLICT (operator) DO UPDATE
		SET publishing = excluded.publishing,
			published_earlier = CASE WHEN v.publishing <> excluded.publishing
				THEN (array_prepend(v.publishing, v.published_earlier))[1:32] ELSE v.published_earlier END`
	viewerOpened = `
		INSERT INTO home_viewers AS v (operator, team, shown, published) VALUES ($1, $2, $3, $4)
		ON CONFLICT (operator) DO UPDATE
		SET team = excluded.team, shown = excluded.shown, shown_at = clock_timestamp(), opened_at = clock_timestamp(),
			published = excluded.published, publishing = nullif(v.publishing, excluded.published),
			published_earlier = CASE WHEN v.published <> excluded.published
				THEN (array_prepend(v.published, v.published_earlier))[1:32] ELSE v.published_earlier END`
	viewerUpdated = `
		UPDATE home_viewers
		SET shown = $2, shown_at = clock_timestamp(), claimed_until = NULL,
			published = $3, publishing = nullif(publishing, $3),
			published_earlier = CASE WHEN published <> $3
				THEN (array_prepend(published, published_earlier))[1:32] ELSE published_earlier END
		WHERE operator = $1`
	viewerReleased = `
		UPDATE home_viewers SET claimed_until = NULL WHERE operator = $1`
)

// announce records the fingerprint of what somebody's tab is about to show.
func (v *Viewers) announce(ctx context.Context, person bot.Person, publishing []byte) error {
	return v.exec(ctx, viewerAnnounced, person.ID, person.Team, publishing)
}

// opened records that somebody opened the tab, the digest of what they see, and its fingerprint.
func (v *Viewers) opened(ctx context.Context, person bot.Person, shown string, published []byte) error {
	return v.exec(ctx, viewerOpened, person.ID, person.Team, shown, published)
}

// updated records the digest of what somebody sees and its fingerprint, and ends the claim.
func (v *Viewers) updated(ctx context.Context, person bot.Person, shown string, published []byte) error {
	return v.exec(ctx, viewerUpdated, person.ID, shown, published)
}

// release ends a claim without a change, even when ctx has ended.
func (v *Viewers) release(ctx context.Context, person bot.Person) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	return v.exec(ctx, viewerReleased, person.ID)
}

func (v *Viewers) exec(ctx context.Context, statement string, args ...any) error {
	if _, err := v.pool.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("viewer %v: %w", args[0], err)
	}
	return nil
}

// digest tells two versions of a tab apart.
func digest(blocks []slack.Block) string {
	encoded, err := json.Marshal(blocks)
	if err != nil {
		panic(err) // blocks always encode
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}
