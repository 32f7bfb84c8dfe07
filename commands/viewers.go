package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
)

const (
	// viewerWindow is for how long after somebody opened the Home tab it is kept current: Slack does not say when they leave it.
	viewerWindow = 15 * time.Minute
	// maxViewers bounds how many tabs are kept current, those that were opened last.
	maxViewers = 20
	// homeInterval is the least time between two versions of one tab. With it, maxViewers stay near the 100 calls a minute that
	// Slack allows for views.publish (https://docs.slack.dev/apis/web-api/rate-limits, Tier 4); what comes sooner waits.
	homeInterval = 3 * time.Second
)

// homeArgs is the job that brings the Home tabs of those who look up to date.
type homeArgs struct{}

func (homeArgs) Kind() string { return "commands_home" }

// InsertOpts allows few attempts: the next change comes with a job of its own.
func (homeArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outbox.Queue, MaxAttempts: 5}
}

// homesChanged leaves the job, if anybody looks.
func (r *Projector) homesChanged(ctx context.Context, tx pgx.Tx) error {
	var any bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM home_viewers WHERE opened_at > clock_timestamp() - $1::interval)`, viewerWindow).Scan(&any); err != nil {
		return fmt.Errorf("viewers: %w", err)
	}
	if !any {
		return nil
	}
	jobs, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err == nil {
		_, err = jobs.InsertTx(ctx, tx, homeArgs{}, nil)
	}
	if err != nil {
		return fmt.Errorf("viewers: %w", err)
	}
	return nil
}

// AddWorkers registers the jobs of the desk and of its renderer.
func (d *Handlers) AddWorkers(workers *river.Workers) {
	d.Projector.AddWorkers(workers)
	river.AddWorker(workers, &homeWorker{handlers: d})
}

type homeWorker struct {
	river.WorkerDefaults[homeArgs]
	handlers *Handlers
}

func (*homeWorker) Timeout(*river.Job[homeArgs]) time.Duration { return time.Minute }

func (*homeWorker) NextRetry(*river.Job[homeArgs]) time.Time { return time.Now().Add(homeInterval) }

func (w *homeWorker) Work(ctx context.Context, _ *river.Job[homeArgs]) error {
	early, err := w.handlers.refreshHomes(ctx)
	if err == nil && early {
		return river.JobSnooze(homeInterval)
	}
	return err
}

// viewer is somebody who looks at the Home tab.
type viewer struct {
	bot.Person
	shown string
	early bool // the tab changed a moment ago
}

// refreshHomes shows everybody who looks what changed, one sweep at a time, and reports whether a tab was left for later. The sweep
// answers for all jobs that wait, since it reads what there is after they were committed.
func (d *Handlers) refreshHomes(ctx context.Context) (early bool, err error) {
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('onboardbot/homes', 0))`); err != nil {
			return fmt.Errorf("viewers: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM river_job WHERE kind = $1 AND state = 'available'`, homeArgs{}.Kind()); err != nil {
			return fmt.Errorf("viewers: %w", err)
		}
		rows, err := tx.Query(ctx, `SELECT team, operator, shown, shown_at > clock_timestamp() - $2::interval FROM home_viewers
			WHERE opened_at > clock_timestamp() - $1::interval ORDER BY opened_at DESC LIMIT $3`, viewerWindow, homeInterval, maxViewers)
		if err != nil {
			return fmt.Errorf("viewers: %w", err)
		}
		viewers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (viewer, error) {
			var v viewer
			return v, row.Scan(&v.Team, &v.ID, &v.shown, &v.early)
		})
		if err != nil {
			return fmt.Errorf("viewers: %w", err)
		}
		var failures []error
		for _, v := range viewers {
			left, err := d.refresh(ctx, v)
			early = early || left
			failures = append(failures, err)
		}
		return errors.Join(failures...)
	})
	return early, err
}

// refreshSoon shows everybody who looks what changed beside the runs, which have jobs for that.
func (d *Handlers) refreshSoon(ctx context.Context) {
	d.late.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateTimeout)
		defer cancel()
		if _, err := d.refreshHomes(ctx); err != nil {
			d.log.WarnContext(ctx, "somebody's Home tab is not current", "error", err)
		}
	})
}

// refresh publishes one tab if it would show something else, unless it changed a moment ago.
func (d *Handlers) refresh(ctx context.Context, v viewer) (left bool, err error) {
	blocks, err := d.homeBlocks(ctx, v.Person)
	if err != nil || digest(blocks) == v.shown {
		return false, err
	}
	if v.early {
		return true, nil
	}
	return false, d.publish(ctx, v.Person, blocks, false)
}

// publish shows somebody a Home tab and remembers what they see, and whether they have just opened it.
func (d *Handlers) publish(ctx context.Context, person bot.Person, blocks []slack.Block, opened bool) error {
	if _, err := d.workspace.PublishHome(ctx, person.ID, slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks}}); err != nil {
		return fmt.Errorf("home of %s: %w", person.ID, err)
	}
	_, err := d.pool.Exec(ctx, `INSERT INTO home_viewers (operator, team, shown) VALUES ($1, $2, $3)
		ON CONFLICT (operator) DO UPDATE SET team = excluded.team, shown = excluded.shown, shown_at = clock_timestamp(),
			opened_at = CASE WHEN $4 THEN clock_timestamp() ELSE home_viewers.opened_at END`, person.ID, person.Team, digest(blocks), opened)
	if err != nil {
		return fmt.Errorf("viewer %s: %w", person.ID, err)
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
