package commands_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// The smallest pool that the configuration accepts is enough when every run and every worker is
// busy: the runs hold their connections while they apply or wait for their turn, all messages are
// brought up to date meanwhile, and people are answered.
func TestTheSmallestPoolIsEnough(t *testing.T) {
	t.Parallel()
	const runs = 4
	r := newFixtureOf(t, size{runs: runs, connections: config.LeastConnections(runs)})
	hold := make(chan struct{})
	var ids []uuid.UUID
	for i := range runs {
		slug := fmt.Sprintf("provider-%d", i)
		r.platform.set(func() { r.platform.hold[slug+"/database"] = hold })
		request := onboarding.Request{Slug: slug, DisplayName: "Provider", Email: slug + "@example.com",
			Mode:    onboarding.ModePerson,
			Domains: []onboarding.Domain{{Name: slug + ".com", Host: "vps-0"}}}
		run, err := r.service.Begin(t.Context(), request,
			service.Asked{Operator: workspace.Ana, Channel: workspace.OpsChannel, Submission: slug})
		must(t, err)
		ids = append(ids, run.ID)
	}
	for _, id := range ids {
		must(t, r.service.Approve(t.Context(), r.undecided(id).ID,
			service.Decision{Operator: workspace.Bo, Source: "a message"}))
	}
	// One run applies; the others wait for the platform, each over its connection.
	r.eventually("all runs are busy", func() bool {
		var waiting int
		must(t, r.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting))
		return waiting == runs-1
	})
	var people sync.WaitGroup
	for range 3 * runs {
		people.Go(func() {
			if answer := r.say(r.bo, "ops", "list"); !strings.Contains(answer, "provider-0") {
				t.Errorf("the list while all runs are busy: %q", answer)
			}
		})
		for _, id := range ids {
			people.Go(func() {
				err := pgx.BeginFunc(t.Context(), r.pool,
					func(tx pgx.Tx) error { return r.notifier.RunChanged(t.Context(), tx, id) })
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	people.Wait()
	close(hold)
	for _, id := range ids {
		r.eventually("the rows are there", func() bool {
			view, err := r.service.Records.View(t.Context(), id)
			must(t, err)
			return view.Step("database").State == onboarding.StepDone
		})
	}
	r.noRefusals()
}

// undecided waits for the open approval of a run.
func (r *botFixture) undecided(id uuid.UUID) (open *onboarding.Approval) {
	r.t.Helper()
	r.eventually("an approval is open", func() bool {
		view, err := r.service.Records.View(r.ctx(), id)
		must(r.t, err)
		for _, approval := range view.Approvals {
			if approval.State == onboarding.ApprovalOpen {
				open = approval
			}
		}
		return open != nil
	})
	return open
}

func (r *botFixture) eventually(what string, holds func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(2 * waitTimeout); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain until %s", what)
		}
	}
}
