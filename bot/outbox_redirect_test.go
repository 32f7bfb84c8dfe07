package bot_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestRedirectWhatHasNoPlaceAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	redirect := func() (moved int) {
		t.Helper()
		err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) (err error) {
			moved, err = outbox.Redirect(t.Context(), tx, "reminder/", workspace.OpsChannel)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return moved
	}
	archived := func(key, thread, text string) bot.Message {
		return bot.Message{Key: key, Channel: "C0ARCHIVE", Thread: thread, Text: text}
	}
	w.put(outbox, archived("run", "", "run"), archived("reminder/root", "run", "below a root that never came"),
		archived("reminder/archived", "", "archived"), archived("other/archived", "", "stays"),
		bot.Message{Key: "reminder/thread", Channel: workspace.OpsChannel, ThreadTS: "1.1", Text: "thread"},
		message("reminder/fine", "fine"))
	eventually(t, "Slack refuses four", func() bool {
		failures, err := outbox.Failures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(failures) == 4
	})
	w.see("what has a place", saying("fine"))
	moved := 0
	eventually(t, "three are moved", func() bool { // one that is being tried once more is not, at first
		moved += redirect()
		return moved == 3
	})
	w.see("what had none", saying("fine", "below a root that never came", "archived", "thread"))
	if again := redirect(); again != 0 {
		t.Errorf("%d messages were moved again", again)
	}
	// It is the same message as before: newer state goes where it went.
	w.put(outbox, archived("reminder/archived", "", "unarchived"))
	w.see("the newer state", saying("fine", "below a root that never came", "unarchived", "thread"))
}
