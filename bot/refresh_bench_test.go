package bot_test

import (
	"context"
	"log"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

const (
	// loadCommands are typed while Slack refreshes a connection after each loadPerRefresh.
	loadCommands   = 20_000
	loadPerRefresh = 150
)

// BenchmarkRefreshes types 20,000 commands, 32 at once, over more than 100 forced refreshes: to
// the bot, which remembers each in Postgres before it acknowledges, and to a bare client of
// slack-go in the same run. None may be lost by the bot.
//
//	go test -run '^$' -bench Refreshes -benchtime 1x ./bot
func BenchmarkRefreshes(b *testing.B) {
	cfg := workspace.Sample()
	cfg.Timing.Linger, cfg.Rates.Off = 300*time.Millisecond, true
	b.Run("bot", func(b *testing.B) {
		for b.Loop() {
			w := newWorld(b, cfg)
			var handled atomic.Int64
			slackBot, stop := w.startOne(counting(&handled))
			eventually(b, "both are up", func() bool { return slackBot.Connected() == 2 })
			got := load(b, w)
			stop()
			if got.lost != 0 || handled.Load() != loadCommands {
				b.Errorf("%d of %d commands were lost, %d handled", got.lost, loadCommands, handled.Load())
			}
			got.report(b)
		}
	})
	b.Run("slack-go", func(b *testing.B) {
		for b.Loop() {
			w := newWorld(b, cfg)
			stop := bareClient(b, w)
			got := load(b, w)
			stop()
			got.report(b)
		}
	})
}

// bareClient answers commands with slack-go's own client and nothing else.
func bareClient(b *testing.B, w *world) (stop func()) {
	api := slack.New(workspace.SampleBotToken, slack.OptionAPIURL(w.APIURL),
		slack.OptionAppLevelToken(workspace.SampleAppToken))
	client := socketmode.New(api, socketmode.OptionLog(log.New(w.Log, "", 0)))
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = client.RunContext(ctx) })
	up := make(chan struct{})
	running.Go(func() {
		ready := sync.OnceFunc(func() { close(up) })
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-client.Events:
				switch event.Type {
				case socketmode.EventTypeHello:
					ready()
				case socketmode.EventTypeSlashCommand:
					_ = client.Ack(*event.Request, map[string]string{"text": "ok"})
				}
			}
		}
	})
	<-up
	return func() {
		cancel()
		running.Wait()
	}
}

// measured is what a load took.
type measured struct {
	lost, refreshes int64
	took            time.Duration
	latencies       []time.Duration
	// peak is the heap in use at its most, in bytes, that of the simulated Slack included.
	peak uint64
}

func load(b *testing.B, w *world) (m measured) {
	runtime.GC()
	before := heap()
	watching, done := context.WithCancel(b.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for ; watching.Err() == nil; time.Sleep(20 * time.Millisecond) {
			now := heap()
			m.peak = max(m.peak, now-min(before, now))
		}
	})
	began := time.Now()
	var next, lost, refreshes atomic.Int64
	var people sync.WaitGroup
	for range 32 {
		people.Go(func() {
			for n := next.Add(1); n <= loadCommands; n = next.Add(1) {
				if n%loadPerRefresh == 0 && w.Slack.Order(b.Context(), workspace.Fault{Kind: workspace.FaultDisconnect,
					Reason: workspace.ReasonRefresh, Times: 1}) == nil {
					refreshes.Add(1)
				}
				// People type again what was lost.
				for !answered(b, w) {
					lost.Add(1)
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	people.Wait()
	m.took, m.lost, m.refreshes = time.Since(began), lost.Load(), refreshes.Load()
	done()
	watcher.Wait()
	for _, e := range w.Transcript() {
		if e.Kind == workspace.KindAck && e.Error == "" {
			m.latencies = append(m.latencies, e.Latency)
		}
	}
	slices.Sort(m.latencies)
	return m
}

func answered(b *testing.B, w *world) bool {
	out, err := w.Slack.Act(b.Context(), workspace.Action{Do: workspace.DoType, User: workspace.Ana,
		Channel: workspace.OpsChannel, Text: "/onboard list"})
	if err != nil {
		b.Error(err)
		return true
	}
	return out.Error == "" && out.Message != nil
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse
}

func (m measured) report(b *testing.B) {
	at := func(q float64) float64 {
		return float64(m.latencies[int(q*float64(len(m.latencies)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(m.lost), "lost")
	b.ReportMetric(float64(m.refreshes), "refreshes")
	b.ReportMetric(at(.5), "p50-ms")
	b.ReportMetric(at(.99), "p99-ms")
	b.ReportMetric(loadCommands/m.took.Seconds(), "commands/s")
	b.ReportMetric(float64(m.peak)/(1<<20), "peak-MB")
}
