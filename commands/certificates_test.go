package commands_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// TestWhereRemindersArePosted posts one in the thread of the run that made the domain live, one
// whose thread is gone, one whose channel was archived, and one about a domain without a run.
func TestWhereRemindersArePosted(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	root := r.begin("merche-biche")
	r.read(r.ana, "Database: approval needed") // what the run itself posts is through
	_, err := r.pool.Exec(t.Context(),
		`UPDATE runs SET state = 'done', request = jsonb_set(request, '{domains}', '[{"name": "merche-biche.com"}]')`)
	must(t, err)
	announcer := projection.NewCertificateAnnouncer(r.projector, workspace.OpsChannel)
	remind := func(domain string, about certificates.Threshold, sentence string) {
		t.Helper()
		must(t, pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
			return announcer.Remind(t.Context(), tx,
				certificates.Reminder{Posted: certificates.Posted{Domain: domain, Subject: "4cafe", About: about},
					Level: certificates.Notice, Sentence: sentence})
		}))
	}
	remind("merche-biche.com", "1/4", "It is a quarter past.")
	if message := r.read(r.ana, "It is a quarter past."); message.ThreadTS != root.TS {
		t.Errorf("in thread %q, want %q", message.ThreadTS, root.TS)
	}
	remind("cocotte.com", "1/4", "Nobody onboarded this one.")
	if message := r.read(r.ana, "Nobody onboarded this one."); message.ThreadTS != "" {
		t.Errorf("in thread %q", message.ThreadTS)
	}

	refused := func(about certificates.Threshold, sentence, why string, want int) {
		t.Helper()
		must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultError, Method: "chat.postMessage", Error: why}))
		remind("merche-biche.com", about, sentence)
		for deadline := time.Now().Add(waitTimeout); ; time.Sleep(20 * time.Millisecond) {
			var failures int
			must(t,
				r.pool.QueryRow(t.Context(),
					`SELECT count(*) FROM slack_messages WHERE failed_hash = hash`).Scan(&failures))
			if failures == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d messages were refused, want %d", failures, want)
			}
		}
	}
	refused("1/8", "It is an eighth past.", "thread_not_found", 1)
	refused("1/16", "It is nearly over.", "is_archived", 2)
	must(t, r.jobs.Stop(r.ctx()))
	announcer.AddWorkers(r.workers)
	client, err := river.NewClient(riverpgxv5.New(r.pool),
		&river.Config{Workers: r.workers, Logger: slog.New(slog.DiscardHandler), TestOnly: true,
			PeriodicJobs:  announcer.PeriodicJobs(),
			FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
			Queues: map[string]river.QueueConfig{outbox.Queue: {MaxWorkers: 4}}})
	must(t, err)
	must(t, client.Start(r.ctx()))
	for _, sentence := range []string{"It is an eighth past.", "It is nearly over."} {
		if message := r.read(r.ana, sentence); message.ThreadTS != "" || message.Channel != root.Channel {
			t.Errorf("%s: in thread %q of %s", sentence, message.ThreadTS, message.Channel)
		}
	}
	must(t, client.Stop(r.ctx()))
}
