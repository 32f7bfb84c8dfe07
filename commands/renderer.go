package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

// renderArgs is the job that brings a run's messages up to date.
type renderArgs struct {
	RunID uuid.UUID `json:"run_id"`
}

func (renderArgs) Kind() string { return "commands_render" }

// InsertOpts allows many attempts, since rendering again is always safe and a thread that stands still misleads people. The
// queue is that of package bot: an application that takes minutes must not keep a thread from moving.
func (renderArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: bot.Queue, MaxAttempts: 50}
}

// renderTimeout bounds one rendering: some reads, and a row for each message.
const renderTimeout = 30 * time.Second

// Renderer keeps what Slack shows of runs up to date.
type Renderer struct {
	pool    *pgxpool.Pool
	service *onboarding.Service
	outbox  *bot.Outbox
	assets  *onboarding.Assets
	config  Config
	scribe  scribe
}

// NewRenderer returns a renderer on the bot's own database, whose connections have its schema as their search path.
func NewRenderer(pool *pgxpool.Pool, service *onboarding.Service, outbox *bot.Outbox, config Config) (*Renderer, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Renderer{pool: pool, service: service, outbox: outbox, assets: onboarding.NewAssets(pool), config: config, scribe: newScribe(config)}, nil
}

// AddWorkers registers the job that renders runs.
func (r *Renderer) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &renderWorker{renderer: r})
}

type renderWorker struct {
	river.WorkerDefaults[renderArgs]
	renderer *Renderer
}

func (*renderWorker) Timeout(*river.Job[renderArgs]) time.Duration { return renderTimeout }

func (*renderWorker) NextRetry(job *river.Job[renderArgs]) time.Time {
	return time.Now().Add(min(time.Duration(job.Attempt)*time.Second, 30*time.Second))
}

func (w *renderWorker) Work(ctx context.Context, job *river.Job[renderArgs]) error {
	err := w.renderer.render(ctx, job.Args.RunID)
	if errors.Is(err, onboarding.ErrNotFound) {
		return river.JobCancel(err)
	}
	return err
}

// render puts the messages of a run into the outbox as they should be now. Renderings of one run take turns, or an older one
// could overwrite a newer; and the one whose turn it is answers for all jobs that wait, since it reads the run after they were
// committed.
func (r *Renderer) render(ctx context.Context, run uuid.UUID) error {
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "onboardbot/render/"+run.String()); err != nil {
			return fmt.Errorf("lock of run %s: %w", run, err)
		}
		_, err := tx.Exec(ctx, `DELETE FROM river_job WHERE kind = $1 AND state = 'available' AND args->>'run_id' = $2`, renderArgs{}.Kind(), run.String())
		if err != nil {
			return fmt.Errorf("renderings of run %s: %w", run, err)
		}
		view, err := r.service.View(ctx, run)
		if err != nil {
			return err
		}
		messages := r.scribe.thread(view, time.Now())
		logs, err := r.logs(ctx, view)
		if err != nil {
			return err
		}
		return r.outbox.Put(ctx, tx, append(messages, logs...)...)
	})
}

// logs returns the logs that Slack does not have yet, each once: a log never changes.
func (r *Renderer) logs(ctx context.Context, view *onboarding.View) ([]bot.Message, error) {
	var files []bot.Message
	for _, attempt := range logged(view) {
		file := logFile(view, attempt, "")
		if _, err := r.outbox.Posted(ctx, file.Key); err == nil {
			continue
		} else if !errors.Is(err, bot.ErrUnknownMessage) {
			return nil, err
		}
		content, err := r.service.Log(ctx, attempt.ID)
		if err != nil {
			return nil, err
		}
		if content != "" {
			files = append(files, logFile(view, attempt, content))
		}
	}
	return files, nil
}

// send puts messages that belong to no run.
func (r *Renderer) send(ctx context.Context, messages ...bot.Message) error {
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error { return r.outbox.Put(ctx, tx, messages...) })
}
