// Package projection keeps what Slack shows by itself up to date: the thread of each run, direct
// messages to approvers, reminders about certificates and reports on isolation. It reads the
// domain, renders messages and puts them into the outbox under stable keys, so projecting again
// is always safe.
package projection

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
	"github.com/riverqueue/river/rivertype"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// HomeTabs are told in the transaction that changes what they show.
type HomeTabs interface {
	Changed(ctx context.Context, tx pgx.Tx) error
}

// Dependencies are what a [Projector] works with. All are required.
type Dependencies struct {
	// Pool connects to the bot's own database, with its schema as the search path.
	Pool      *pgxpool.Pool
	Records   *store.Records
	Outbox    *outbox.Outbox
	Directory *access.Directory
	HomeTabs  HomeTabs
	Renderer  render.Renderer
	// RemindBefore is how long before a request expires the approvers are reminded.
	RemindBefore time.Duration
}

// Projector keeps the messages about runs and about requests to accept risks up to date.
type Projector struct {
	Dependencies
	assets *store.Assets
}

// New returns a projector. [Projector.AddWorkers] registers its job.
func New(dependencies Dependencies) *Projector {
	return &Projector{Dependencies: dependencies, assets: store.NewAssets(dependencies.Pool)}
}

// NewRenderer returns a renderer for a configuration. The reasons say for each kind of step why
// somebody is asked.
func NewRenderer(config access.Config, policy *onboarding.Policy, reasons map[onboarding.Kind]string) render.Renderer {
	return render.Renderer{Command: config.Command, Approvers: config.Approvers, EscalateTo: config.EscalateTo,
		Mentions: config.Notify.Mentions(), BreakGlass: policy.BreakGlass, HasWindows: policy.HasWindows,
		Reasons: reasons}
}

// Project puts the messages of a run into the outbox as they should be now. It returns
// [onboarding.ErrNotFound].
//
// Slack says who is in a user group. While it does not answer, the thread is still updated, and
// the error makes the job run again. Slack is asked before a connection to the database is taken.
func (p *Projector) Project(ctx context.Context, run uuid.UUID) error {
	recipients, unknown := p.Directory.Recipients(ctx)
	seen, err := p.putMessages(ctx, run, recipients)
	if err == nil && p.findLinks(ctx, seen.unlinked) {
		seen, err = p.putMessages(ctx, run, recipients)
	}
	if err == nil {
		err = p.putFiles(ctx, seen.view)
	}
	return errors.Join(unknown, err)
}

// findLinks asks Slack for the addresses of threads, and reports whether it found one. The outbox
// remembers them. A thread that Slack does not show stays without a link.
func (p *Projector) findLinks(ctx context.Context, runs []uuid.UUID) (some bool) {
	for _, run := range runs {
		if _, err := p.Outbox.Permalink(ctx, render.RootKey(run)); err == nil {
			some = true
		}
	}
	return some
}

// putMessages renders a run while it holds the run's projection lock, since an older rendering
// must not overwrite a newer one. The lock, all reads and all writes use one connection.
func (p *Projector) putMessages(
	ctx context.Context, run uuid.UUID, recipients access.Recipients,
) (seen snapshot, err error) {
	session, err := locks.Open(ctx, p.Pool)
	if err != nil {
		return seen, err
	}
	defer session.Close()
	if err := session.Lock(ctx, locks.Named("render", run.String())); err != nil {
		return seen, err
	}
	now := time.Now()
	if seen, err = p.read(ctx, session.Conn(), run); err != nil {
		return seen, err
	}
	renderer := p.Renderer.WithLinks(seen.links)
	messages := slices.Concat(renderer.Thread(seen.view, now),
		renderer.Direct(seen.view, now, recipients.Approvers, recipients.Escalated))
	err = pgx.BeginFunc(ctx, session.Conn(), func(tx pgx.Tx) error {
		if err := deleteJobs(ctx, tx, seen.waiting); err != nil {
			return err
		}
		if err := p.HomeTabs.Changed(ctx, tx); err != nil {
			return err
		}
		return p.Outbox.PutStorable(ctx, tx, render.Placed(seen.view, messages)...)
	})
	return seen, err
}

// snapshot is a run at one moment.
type snapshot struct {
	view *onboarding.View
	// links are the addresses of threads by their runs, and unlinked are the runs without.
	links    map[uuid.UUID]string
	unlinked []uuid.UUID
	// waiting are the jobs whose changes the view holds already.
	waiting []int64
}

// read reads a run, and the jobs that this projection answers as well: their changes were
// committed before the moment of the read.
func (p *Projector) read(ctx context.Context, conn *pgx.Conn, run uuid.UUID) (seen snapshot, err error) {
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) error {
			if seen.waiting, err = waitingJobs(ctx, tx, run); err != nil {
				return err
			}
			if seen.view, err = store.LoadView(ctx, tx, run); err != nil {
				return err
			}
			return p.readLinks(ctx, tx, &seen)
		})
	return seen, err
}

// readLinks reads the addresses of related runs' threads that are known, and that of the run's own thread if
// people are called to it.
func (p *Projector) readLinks(ctx context.Context, tx pgx.Tx, seen *snapshot) error {
	seen.links = map[uuid.UUID]string{}
	runs := seen.view.Related()
	if slices.ContainsFunc(seen.view.Events, calls) {
		runs = append(runs, seen.view.ID)
	}
	for _, run := range runs {
		key := render.RootKey(run)
		known, err := p.Outbox.Permalinks(ctx, tx, key)
		if err != nil {
			return err
		}
		if known[key] == "" {
			seen.unlinked = append(seen.unlinked, run)
		} else {
			seen.links[run] = known[key]
		}
	}
	return nil
}

// calls reports whether an event calls people again to decide.
func calls(event onboarding.Event) bool {
	return event.Kind == onboarding.EventReminded || event.Kind == onboarding.EventEscalated
}

// maxWaiting is how many waiting jobs one projection answers. The next one answers those that are
// left.
const maxWaiting = 1000

// waitingJobs lists the jobs of a run that wait for a worker.
func waitingJobs(ctx context.Context, tx pgx.Tx, run uuid.UUID) ([]int64, error) {
	jobs, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return nil, fmt.Errorf("jobs of run %s: %w", run, err)
	}
	listed, err := jobs.JobListTx(ctx, tx,
		river.NewJobListParams().Kinds(projectArgs{}.Kind()).States(rivertype.JobStateAvailable).
			Where(`args->>'run_id' = @run`, river.NamedArgs{"run": run.String()}).First(maxWaiting))
	if err != nil {
		return nil, fmt.Errorf("jobs of run %s: %w", run, err)
	}
	ids := make([]int64, len(listed.Jobs))
	for i, job := range listed.Jobs {
		ids[i] = job.ID
	}
	return ids, nil
}

// deleteJobs deletes those of the jobs that still wait.
func deleteJobs(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	jobs, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err == nil {
		_, err = jobs.JobDeleteManyTx(ctx, tx,
			river.NewJobDeleteManyParams().IDs(ids...).States(rivertype.JobStateAvailable).First(len(ids)))
	}
	if err != nil {
		return fmt.Errorf("jobs that a projection answered: %w", err)
	}
	return nil
}
