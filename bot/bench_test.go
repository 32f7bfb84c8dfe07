package bot_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// BenchmarkAcknowledge types b.N slash commands, 32 in flight, each remembered in Postgres before
// its acknowledgement leaves:
//
//	go test -run '^$' -bench Acknowledge -benchtime 20000x ./bot
func BenchmarkAcknowledge(b *testing.B) {
	cfg := workspace.Sample()
	cfg.Rates.Off = true
	w := newWorld(b, cfg)
	var handled atomic.Int64
	slackBot := w.start(counting(&handled))
	eventually(b, "both are up", func() bool { return slackBot.Connected() == 2 })
	b.ResetTimer()
	var next atomic.Int64
	var people sync.WaitGroup
	for range 32 {
		people.Go(func() {
			for next.Add(1) <= int64(b.N) {
				out, err := w.Slack.Act(b.Context(), workspace.Action{Do: workspace.DoType, User: workspace.Ana,
					Channel: workspace.OpsChannel, Text: "/onboard list"})
				if err != nil || out.Error != "" {
					b.Errorf("command: %+v, %v", out, err)
					return
				}
			}
		})
	}
	people.Wait()
	b.StopTimer()
	var latencies []time.Duration
	for _, e := range w.Transcript() {
		if e.Kind == workspace.KindAck {
			latencies = append(latencies, e.Latency)
		}
	}
	slices.Sort(latencies)
	if len(latencies) != b.N || handled.Load() != int64(b.N) {
		b.Errorf("%d commands, %d handled, %d acknowledged", b.N, handled.Load(), len(latencies))
	}
	at := func(q float64) float64 {
		return float64(latencies[int(q*float64(len(latencies)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(.5), "p50-ms")
	b.ReportMetric(at(.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}
