package commands_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// resources are what a process holds.
type resources struct {
	goroutines, files, connections int
	heap                           uint64
}

// held measures what the bot holds when nothing is under way.
func (r *botFixture) held() resources {
	r.t.Helper()
	r.settled()
	r.Forget()
	r.made.log.forget()
	http := time.Now().Add(time.Second) // HTTP connections to Slack close when they are not needed
	var now resources
	for {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		open, err := os.ReadDir("/proc/self/fd")
		must(r.t, err)
		next := resources{goroutines: runtime.NumGoroutine(), files: len(open),
			connections: int(r.pool.Stat().TotalConns()), heap: stats.HeapAlloc}
		if now.goroutines != 0 {
			next.goroutines, next.files = min(next.goroutines, now.goroutines), min(next.files, now.files)
			next.heap = min(next.heap, now.heap)
		}
		if now = next; time.Now().After(http) {
			return now
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// soak begins, decides and ends runs, ten at once.
func (r *botFixture) soak(name string, runs int) {
	r.t.Helper()
	next := make(chan int)
	var people sync.WaitGroup
	for range 10 {
		people.Go(func() {
			for i := range next {
				r.onboardQuickly(fmt.Sprintf("%s-%d", name, i))
			}
		})
	}
	for i := range runs {
		next <- i
	}
	close(next)
	people.Wait()
}

// onboardQuickly onboards a Provider without looking at the screen, which grows.
func (r *botFixture) onboardQuickly(slug string) {
	run, err := r.service.Begin(r.t.Context(), onboarding.Request{Slug: slug, DisplayName: "Provider",
		Email: slug + "@example.com", Mode: onboarding.ModePerson,
		Domains: []onboarding.Domain{{Name: slug + ".example", Host: "vps-0"}}},
		service.Asked{Operator: workspace.Ana, Channel: workspace.OpsChannel, Submission: slug})
	if err != nil {
		r.t.Error(err)
		return
	}
	for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		view, err := r.service.Records.View(r.t.Context(), run.ID)
		if err != nil {
			r.t.Error(err)
			return
		}
		if view.State == onboarding.RunDone {
			return
		}
		for _, approval := range view.Approvals {
			if approval.State != onboarding.ApprovalOpen {
				continue
			}
			key := render.ApprovalKey(approval)
			posted, err := r.outbox.Posted(r.t.Context(), r.pool, key)
			if err != nil || posted[key].TS == "" {
				continue
			}
			out, err := r.Act(r.t.Context(), workspace.Action{Do: workspace.DoPress, User: workspace.Bo,
				Channel: posted[key].Channel, Message: posted[key].TS, Target: "Approve"})
			if err != nil || out.Error != "" {
				r.t.Errorf("%s: %+v, %v", slug, out, err)
				return
			}
		}
	}
	r.t.Errorf("%s did not end", slug)
}

// soaking is a bot whose runs cost little: they change the database and no domain.
func soaking(t testing.TB) *botFixture {
	r := newFixtureOf(t, size{runs: 10, connections: 25})
	r.platform.perDomain = nil
	return r
}

// flat fails if more is held than before.
func flat(t testing.TB, before, now resources) {
	t.Helper()
	if now.goroutines > before.goroutines+10 || now.files > before.files+10 || now.connections > 25 ||
		now.heap > before.heap+before.heap/2+(8<<20) {
		t.Errorf("before %+v, now %+v", before, now)
	}
}

// TestRunsLeaveNothingBehind is the short form of [BenchmarkSoak].
func TestRunsLeaveNothingBehind(t *testing.T) {
	r := soaking(t)
	r.soak("warm", 5)
	before := r.held()
	r.soak("run", 10)
	flat(t, before, r.held())
}

// BenchmarkSoak begins, decides and ends 500 runs. What the bot holds stays the same:
//
//	make soak
func BenchmarkSoak(b *testing.B) {
	const runs, rounds = 100, 5
	for b.Loop() {
		r := soaking(b)
		r.soak("warm", 20)
		before := r.held()
		b.Logf("at first: %d goroutines, %d files, %d connections, %.1f MB", before.goroutines, before.files,
			before.connections, float64(before.heap)/(1<<20))
		for round := range rounds {
			r.soak(fmt.Sprint("round", round), runs)
			now := r.held()
			b.Logf("after %d runs: %d goroutines, %d files, %d connections, %.1f MB", (round+1)*runs, now.goroutines,
				now.files, now.connections, float64(now.heap)/(1<<20))
			flat(b, before, now)
		}
		b.ReportMetric(runs*rounds/b.Elapsed().Seconds(), "runs/s")
		r.stop()
	}
}
