package commands

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/jobs"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Notifier is the domain's [onboarding.Audience]: for every change of a run it leaves a job that renders the run again.
type Notifier struct{ jobs *river.Client[pgx.Tx] }

var _ store.Notifier = (*Notifier)(nil)

// NewNotifier returns an audience whose jobs live in the pool's database.
func NewNotifier(pool *pgxpool.Pool, log *slog.Logger) (*Notifier, error) {
	inserter, err := jobs.Inserter(pool, "", log)
	if err != nil {
		return nil, fmt.Errorf("audience: %w", err)
	}
	return &Notifier{jobs: inserter}, nil
}

// RunChanged leaves the job in the transaction of the change.
func (a *Notifier) RunChanged(ctx context.Context, tx pgx.Tx, run uuid.UUID) error {
	if _, err := a.jobs.InsertTx(ctx, tx, renderArgs{RunID: run}, nil); err != nil {
		return fmt.Errorf("rendering run %s: %w", run, err)
	}
	return nil
}
