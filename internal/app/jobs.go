package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding/engine"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
)

// newJobs returns the River client that works the jobs of all parts.
func (a *App) newJobs() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	a.engine.AddWorkers(workers)
	a.outbox.AddWorkers(workers)
	a.projector.AddWorkers(workers)
	a.home.AddWorkers(workers)
	a.isolation.worker.AddTo(workers)
	periodic := slices.Concat(a.certificates.addJobs(workers), a.projector.PeriodicJobs())
	var reindex river.PeriodicSchedule // River's own
	if !a.settings.Database.OwnerURL.IsZero() {
		reindex = river.NeverSchedule() // only the owner of an index may rebuild it
	}
	client, err := river.NewClient(riverpgxv5.New(a.pool), &river.Config{
		ID:      a.replica.ID(),
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			engine.Queue:       {MaxWorkers: a.settings.Database.Runs},
			outbox.Queue:       {MaxWorkers: 8},
			reports.Queue:      {MaxWorkers: 1},
			river.QueueDefault: {MaxWorkers: 4},
		},
		PeriodicJobs:      periodic,
		ReindexerSchedule: reindex,
		// People wait for most of these jobs, and would notice River's 100 ms between fetches at
		// every step.
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 500 * time.Millisecond,
		JobTimeout:        engine.JobTimeout,
		SoftStopTimeout:   stopTimeout,
		Logger:            a.log.With("part", "jobs"),
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return client, nil
}
