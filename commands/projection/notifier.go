package projection

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

// Notifier is the domain's [store.Notifier]: for every change of a run it inserts a job that
// projects the run again.
type Notifier struct{ jobs *river.Client[pgx.Tx] }

var _ store.Notifier = (*Notifier)(nil)

// NewNotifier returns a notifier whose jobs are in the pool's database.
func NewNotifier(pool *pgxpool.Pool, log *slog.Logger) (*Notifier, error) {
	inserter, err := jobs.Inserter(pool, log)
	if err != nil {
		return nil, fmt.Errorf("notifier: %w", err)
	}
	return &Notifier{jobs: inserter}, nil
}

// RunChanged inserts the job in the transaction of the change.
func (n *Notifier) RunChanged(ctx context.Context, tx pgx.Tx, run uuid.UUID) error {
	if _, err := n.jobs.InsertTx(ctx, tx, projectArgs{RunID: run}, nil); err != nil {
		return fmt.Errorf("job for run %s: %w", run, err)
	}
	return nil
}
