package bot_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestRefreshedEverySecond lets Slack refresh each connection when it is young. That is routine:
// the bot comes back at once, however often, and loses nothing.
func TestRefreshedEverySecond(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Timing.Refresh, cfg.Timing.Linger, cfg.Rates.Off = time.Second, 100*time.Millisecond, true
	w := newWorld(t, cfg)
	var handled, typed atomic.Int64
	b := w.start(counting(&handled))
	eventually(t, "both are up", func() bool { return b.Connected() >= 2 })
	enough := time.Now().Add(4500 * time.Millisecond)
	var people sync.WaitGroup
	for range 4 {
		people.Go(func() {
			for time.Now().Before(enough) {
				typed.Add(1)
				time.Sleep(2 * time.Millisecond) // this is about connections, not about load
				if out := w.Type("/onboard list"); out.Error != "" || out.Message == nil {
					t.Errorf("command lost: %+v", out)
					return
				}
			}
		})
	}
	people.Wait()
	if handled.Load() != typed.Load() {
		t.Errorf("%d typed, %d handled", typed.Load(), handled.Load())
	}
	// Each of two connections lives for a second, and both are logged at their notice and at their
	// end.
	if refreshes := strings.Count(w.Log.String(), "reason="+workspace.ReasonRefresh) / 2; refreshes < 7 {
		t.Errorf("only %d refreshes", refreshes)
	}
}
