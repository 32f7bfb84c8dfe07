package outbox_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// setAside counts the messages that were set aside, as metrics show it.
func (w *world) setAside(out *outbox.Outbox) (count float64) {
	w.T.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(out.Collector())
	families, err := registry.Gather()
	if err != nil {
		w.T.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "result" && label.GetValue() == "set_aside" {
					count += metric.GetCounter().GetValue()
				}
			}
		}
	}
	return count
}

// TestARowThatCannotBeRecorded has a row whose delivery the database refuses to record, as it does
// after a restore that left another row with the same timestamp.
func TestARowThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	const refuse = `ALTER TABLE slack_messages ADD CHECK (key <> 'bad' OR ts IS NULL OR text <> 'bad')`
	if _, err := w.Pool.Exec(t.Context(), refuse); err != nil {
		t.Fatal(err)
	}
	out := w.outbox()
	w.put(out, message("bad", "bad"), message("good", "good"))
	w.See("the channel goes on", saying("bad", "good"))
	eventually(t, "the row is set aside", func() bool { return strings.Contains(w.refused()["bad"], "23514") })
	if got := w.setAside(out); got != 1 {
		t.Errorf("%v messages are set aside", got)
	}
	// Other content is recorded, and updates the message that was posted.
	w.put(out, message("bad", "mended"))
	w.See("it is posted once", saying("mended", "good"))
	w.Called("chat.postMessage", 2)
}

// TestAnErrorThatCannotBeStored has an answer of Slack's that PostgreSQL cannot store as it is.
func TestAnErrorThatCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	w.Order(workspace.Fault{Kind: workspace.FaultError, Method: "chat.postMessage", Error: "odd\x00code"})
	w.put(out, message("first", "first"), message("second", "second"))
	w.See("the channel goes on", saying("second"))
	eventually(t, "the refusal is recorded", func() bool { return strings.Contains(w.refused()["first"], "oddcode") })
	if got := w.setAside(out); got != 0 {
		t.Errorf("%v messages are set aside", got)
	}
}

func TestPutStorableLeavesOutWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	for range 2 {
		err := pgx.BeginFunc(t.Context(), w.Pool, func(tx pgx.Tx) error {
			return out.PutStorable(t.Context(), tx, message("first", "first"), reply("lost", "nowhere", "lost"),
				message(strings.Repeat("k", 201), "long"), message("second", "second"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.See("the others", saying("first", "second"))
	if got := w.setAside(out); got != 4 {
		t.Errorf("messages are set aside %v times", got)
	}
	if logged := strings.Count(w.Log.String(), "it can never be stored"); logged != 2 {
		t.Errorf("logged %d times", logged)
	}
}
