package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// renderArgs is the job that brings a run's messages up to date.
type renderArgs struct {
	RunID uuid.UUID `json:"run_id"`
}

func (renderArgs) Kind() string { return "commands_render" }

// InsertOpts allows many attempts, since rendering again is always safe and a thread that stands still misleads people. The
// queue is that of package bot: an application that takes minutes must not keep a thread from moving.
func (renderArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outbox.Queue, MaxAttempts: 50}
}

// renderTimeout bounds one rendering: some reads, and a row for each message.
const renderTimeout = 30 * time.Second

// Projector keeps what Slack shows of runs up to date.
type Projector struct {
	pool     *pgxpool.Pool
	service  *service.Service
	outbox   *outbox.Outbox
	assets   *store.Assets
	people   *Directory
	config   Config
	renderer render.Renderer
}

// NewProjector returns a renderer on the bot's own database, whose connections have its schema as their search path. What the
// directory is configured with holds for what is rendered, too.
func NewProjector(pool *pgxpool.Pool, service *service.Service, outbox *outbox.Outbox, directory *Directory) (*Projector, error) {
	if pool == nil || service == nil || outbox == nil || directory == nil {
		return nil, errors.New("renderer: a part is missing")
	}
	return &Projector{pool: pool, service: service, outbox: outbox, assets: store.NewAssets(pool), people: directory,
		config: directory.config, renderer: newRenderer(directory.config, service.GlassAllowed())}, nil
}

func newRenderer(config Config, glass bool) render.Renderer {
	return render.Renderer{Command: config.Command, Approvers: config.Approvers, EscalateTo: config.EscalateTo, Mentions: config.Notify.mentions(), BreakGlass: glass}
}

// AddWorkers registers the job that renders runs.
func (r *Projector) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &renderWorker{renderer: r})
}

type renderWorker struct {
	river.WorkerDefaults[renderArgs]
	renderer *Projector
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
//
// Who gets direct messages is Slack's to say. While it does not, the thread still moves, and the error makes the job come again.
func (r *Projector) render(ctx context.Context, run uuid.UUID) error {
	told, unknown := r.told(ctx)
	return errors.Join(unknown, r.put(ctx, run, told))
}

func (r *Projector) put(ctx context.Context, run uuid.UUID, told audience) error {
	var undrawn error // a picture that cannot be drawn keeps no message from moving
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "onboardbot/render/"+run.String()); err != nil {
			return fmt.Errorf("lock of run %s: %w", run, err)
		}
		_, err := tx.Exec(ctx, `DELETE FROM river_job WHERE kind = $1 AND state = 'available' AND args->>'run_id' = $2`, renderArgs{}.Kind(), run.String())
		if err != nil {
			return fmt.Errorf("renderings of run %s: %w", run, err)
		}
		view, err := r.service.Records.View(ctx, run)
		if err != nil {
			return err
		}
		freeze, err := r.service.Records.Frozen(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		messages := r.renderer.DuringFreeze(freeze).Thread(view, now)
		logs, err := r.logs(ctx, tx, view)
		if err != nil {
			return err
		}
		var preview []outbox.Message
		preview, undrawn = r.preview(ctx, tx, view)
		if err := r.homesChanged(ctx, tx); err != nil {
			return err
		}
		return r.outbox.Put(ctx, tx, render.Placed(view, slices.Concat(messages, preview, r.renderer.DuringFreeze(freeze).Direct(view, now, told.approvers, told.escalated), logs))...)
	})
	return errors.Join(undrawn, err)
}

// audience are the people who get direct messages.
type audience struct{ approvers, escalated []string }

// told finds out who gets direct messages, nobody where the configuration wants none.
func (r *Projector) told(ctx context.Context) (told audience, err error) {
	if !r.config.Notify.direct() {
		return audience{}, nil
	}
	if told.approvers, err = r.people.each(ctx, r.config.Approvers); err != nil {
		return audience{}, err
	}
	told.escalated, err = r.people.each(ctx, r.config.EscalateTo)
	return told, err
}

// logs returns the logs that Slack does not have yet, each once: a log never changes.
func (r *Projector) logs(ctx context.Context, tx pgx.Tx, view *onboarding.View) ([]outbox.Message, error) {
	logged := render.Logged(view)
	keys := make([]string, len(logged))
	for i, attempt := range logged {
		keys[i] = render.LogFile(view, attempt, "").Key
	}
	posted, err := r.outbox.Posted(ctx, tx, keys...)
	if err != nil {
		return nil, err
	}
	var files []outbox.Message
	for i, attempt := range logged {
		if _, there := posted[keys[i]]; there {
			continue
		}
		content, err := r.service.Records.Log(ctx, attempt.ID)
		if err != nil {
			return nil, err
		}
		if content != "" {
			files = append(files, render.LogFile(view, attempt, content))
		}
	}
	return files, nil
}

// send puts messages that belong to no run.
func (r *Projector) send(ctx context.Context, messages ...outbox.Message) error {
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error { return r.outbox.Put(ctx, tx, messages...) })
}
