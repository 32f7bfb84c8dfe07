package commands_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// TestManyChangesAreProjectedOnce leaves twenty changes to one worker: the first projection
// answers for all.
func TestManyChangesAreProjectedOnce(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.ana, "Database: approval needed")
	must(t, r.jobs.Stop(r.ctx()))
	run := r.run("merche-biche").ID
	must(t, pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `DELETE FROM river_job`); err != nil {
			return err
		}
		for range 20 {
			if err := r.notifier.RunChanged(t.Context(), tx, run); err != nil {
				return err
			}
		}
		return nil
	}))
	client, err := river.NewClient(riverpgxv5.New(r.pool),
		&river.Config{Workers: r.workers, Logger: slog.New(slog.DiscardHandler), TestOnly: true,
			FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
			Queues: map[string]river.QueueConfig{outbox.Queue: {MaxWorkers: 1}}})
	must(t, err)
	done, stop := client.Subscribe(river.EventKindJobCompleted)
	defer stop()
	must(t, client.Start(r.ctx()))
	for event := range done {
		if event.Job.Kind == "commands_render" {
			break
		}
	}
	must(t, client.Stop(r.ctx()))
	var left int
	must(t,
		r.pool.QueryRow(t.Context(),
			`SELECT count(*) FROM river_job WHERE kind = 'commands_render' AND state <> 'completed'`).Scan(&left))
	if left != 0 {
		t.Errorf("%d projections wait after one", left)
	}
}

// TestAProjectionTakesOneConnection projects a run while somebody looks at the Home tab, on a pool
// of a single connection. Taking a second one while holding the first would block.
func TestAProjectionTakesOneConnection(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	must(t, r.bo.OpenHome(r.ctx()))
	r.begin("merche-biche")
	r.read(r.ana, "Database: approval needed")
	must(t, r.jobs.Stop(r.ctx()))
	run := r.run("merche-biche").ID
	_, err := r.pool.Exec(t.Context(), `DELETE FROM river_job`)
	must(t, err)
	must(t, pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
		return r.notifier.RunChanged(t.Context(), tx, run)
	}))
	config := r.pool.Config()
	config.MaxConns = 1
	small, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	defer small.Close()
	dependencies := r.projector.Dependencies
	dependencies.Pool, dependencies.Records = small, store.NewRecords(small)
	dependencies.HomeTabs = home.NewViewers(small)
	workers := river.NewWorkers()
	projection.New(dependencies).AddWorkers(workers)
	r.tabs.AddWorkers(workers)
	client, err := river.NewClient(riverpgxv5.New(r.pool),
		&river.Config{Workers: workers, Logger: slog.New(slog.DiscardHandler), TestOnly: true,
			FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
			Queues: map[string]river.QueueConfig{outbox.Queue: {MaxWorkers: 4}}})
	must(t, err)
	done, stop := client.Subscribe(river.EventKindJobCompleted)
	defer stop()
	must(t, client.Start(t.Context()))
	for projected := false; !projected; {
		select {
		case event := <-done:
			projected = event.Job.Kind == "commands_render"
		case <-r.ctx().Done():
			t.Fatal("the projection waits for a second connection")
		}
	}
	must(t, client.Stop(r.ctx()))
}
