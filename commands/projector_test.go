package commands_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/bot/outbox"
)

// TestManyChangesAreRenderedOnce leaves twenty changes to one worker: the first rendering answers for all.
func TestManyChangesAreRenderedOnce(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
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
	client, err := river.NewClient(riverpgxv5.New(r.pool), &river.Config{Workers: r.workers, Logger: slog.New(slog.DiscardHandler), TestOnly: true,
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond, Queues: map[string]river.QueueConfig{outbox.Queue: {MaxWorkers: 1}}})
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
	must(t, r.pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'commands_render' AND state <> 'completed'`).Scan(&left))
	if left != 0 {
		t.Errorf("%d renderings wait after one", left)
	}
}
