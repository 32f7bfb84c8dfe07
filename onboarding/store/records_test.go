package store_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// queryCount counts the statements of a pool.
type queryCount struct{ n atomic.Int64 }

func (c *queryCount) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (*queryCount) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Runs are read with their steps, and approvals with their votes, in as many statements for many
// as for one.
func TestManyAreReadInAsManyStatementsAsOne(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(postgres.Database(t))
	must(t, err)
	statements := &queryCount{}
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	config.ConnConfig.Tracer = statements
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	must(t, store.Migrate(t.Context(), pool, "onboarding"))
	policy := onboarding.Policy{}
	policy.Defaults()
	records := store.NewRecords(pool)
	read := func(runs int) int64 {
		before := statements.n.Load()
		list, err := records.List(t.Context(), 10)
		must(t, err)
		approvals, err := store.DecidableBy(t.Context(), pool, "bob")
		must(t, err)
		if len(list) != runs || len(list[0].Steps) != 2 || len(approvals) != runs || len(approvals[0].Votes) != 1 {
			t.Errorf("%d runs with %d steps, %d approvals with %d votes", len(list), len(list[0].Steps), len(approvals),
				len(approvals[0].Votes))
		}
		return statements.n.Load() - before
	}
	var one int64
	for runs := 1; runs <= 5; runs++ {
		run := newRun()
		must(t, store.InsertRun(t.Context(), pool, run, run.ID.String()))
		approval, err := policy.NewApproval(run, "database", onboarding.Change{Summary: "nothing"}, time.Now())
		must(t, err)
		must(t, store.On(pool).InsertApproval(t.Context(), approval))
		vote := onboarding.Vote{By: onboarding.Operator{ID: "eve"}, Agrees: true}
		must(t, store.InsertVote(t.Context(), pool, approval, vote))
		switch count := read(runs); {
		case runs == 1:
			one = count
		case count != one:
			t.Errorf("%d runs took %d statements, one took %d", runs, count, one)
		}
	}
}

func newRun() *onboarding.Run {
	id := uuid.New()
	return &onboarding.Run{ID: id, Kind: onboarding.KindOnboard, Request: onboarding.Request{Slug: id.String()},
		Requester: onboarding.Operator{ID: "ada"}, TenantID: uuid.New(), Steps: []onboarding.Step{
			{Definition: onboarding.Definition{Key: "preflight"}},
			{Definition: onboarding.Definition{Key: "database", Destructive: true}},
		}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
