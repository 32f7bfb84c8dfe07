package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/risk"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// riskArgs is the job that shows a request to accept a risk: after each change of it, and when it
// has to look different because of the time alone.
type riskArgs struct {
	Risk uuid.UUID `json:"risk"`
}

func (riskArgs) Kind() string { return "commands_risk" }

// InsertOpts allows more attempts than [projectArgs]: no later change inserts another job when a
// request expires.
func (riskArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outbox.Queue, MaxAttempts: 1000}
}

// RiskChanged inserts the job in the transaction of the change.
func (n *Notifier) RiskChanged(ctx context.Context, tx pgx.Tx, request *risk.Request) error {
	if _, err := n.jobs.InsertTx(ctx, tx, riskArgs{Risk: request.ID}, nil); err != nil {
		return fmt.Errorf("job for risk %s: %w", request.ID, err)
	}
	return nil
}

type riskWorker struct {
	river.WorkerDefaults[riskArgs]
	projector *Projector
}

func (*riskWorker) Timeout(*river.Job[riskArgs]) time.Duration { return projectTimeout }

func (*riskWorker) NextRetry(job *river.Job[riskArgs]) time.Time { return nextRetry(job.Attempt) }

func (w *riskWorker) Work(ctx context.Context, job *river.Job[riskArgs]) error {
	next, err := w.projector.projectRisk(ctx, job.Args.Risk)
	switch {
	case errors.Is(err, onboarding.ErrNotFound):
		return river.JobCancel(err)
	case err != nil || next.IsZero():
		return err
	}
	return river.JobSnooze(max(0, time.Until(next)))
}

// projectRisk puts the messages of a request into the outbox as they should be now, like
// [Projector.Project]. It returns when they change next if nobody does anything, zero for never.
func (p *Projector) projectRisk(ctx context.Context, id uuid.UUID) (next time.Time, err error) {
	recipients, unknown := p.Directory.Recipients(ctx)
	audience := isolationreport.Audience{Direct: recipients.Approvers, RemindBefore: p.RemindBefore}
	if p.Renderer.Mentions {
		audience.Mentioned = p.Renderer.Approvers
	}
	err = pgx.BeginFunc(ctx, p.Pool, func(tx pgx.Tx) error {
		// An older rendering must not overwrite a newer one.
		if err := locks.Tx(ctx, tx, locks.Named("render", id.String())); err != nil {
			return err
		}
		request, err := store.LoadRisk(ctx, tx, id)
		if err != nil {
			return err
		}
		if audience.Absences, err = store.AbsencesSince(ctx, tx, request.Asked); err != nil {
			return err
		}
		if err := p.HomeTabs.Changed(ctx, tx); err != nil {
			return err
		}
		now := time.Now()
		next = nextChange(request, audience.RemindAt(request), now)
		return p.Outbox.PutStorable(ctx, tx, isolationreport.RiskMessages(request, audience, now)...)
	})
	return next, errors.Join(unknown, err)
}

// nextChange returns when the messages of a request change by the time alone, zero for never.
func nextChange(request *risk.Request, remind, now time.Time) time.Time {
	state, _ := request.State(now)
	switch {
	case state == risk.Open && now.Before(remind):
		return remind
	case state == risk.Open:
		return request.Expires
	case state == risk.Accepted:
		return request.End()
	}
	return time.Time{}
}
