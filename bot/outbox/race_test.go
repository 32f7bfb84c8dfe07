package outbox_test

import (
	"strconv"
	"testing"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestPutsWhileDeliveriesAreRecorded puts new content while other transactions write the same row.
func TestPutsWhileDeliveriesAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out, err := outbox.New(w.Pool, w.workspace())
	if err != nil {
		t.Fatal(err)
	}
	w.put(out, message("m", "m"))
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			const record = `UPDATE slack_messages SET delivered_at = clock_timestamp() WHERE key = 'm'`
			if _, err := w.Pool.Exec(t.Context(), record); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for i := range 300 {
		w.put(out, message("m", strconv.Itoa(i)))
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
