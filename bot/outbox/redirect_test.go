package outbox_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestRedirectFromAChannelThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	redirect := func() (moved int) {
		t.Helper()
		err := pgx.BeginFunc(t.Context(), w.Pool, func(tx pgx.Tx) (err error) {
			moved, err = out.Redirect(t.Context(), tx, "reminder/", workspace.OpsChannel)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return moved
	}
	archived := func(key, thread, text string) post.Message {
		return post.Message{Key: key, Channel: "C0ARCHIVE", Thread: thread, Text: text}
	}
	w.put(out, archived("run", "", "run"), archived("reminder/root", "run", "below a root that never came"),
		archived("reminder/archived", "", "archived"), archived("other/archived", "", "stays"),
		post.Message{Key: "reminder/thread", Channel: workspace.OpsChannel, ThreadTS: "1.1", Text: "thread"},
		message("reminder/fine", "fine"))
	eventually(t, "Slack refuses four", func() bool {
		return len(w.refused()) == 4
	})
	w.See("what has a place", saying("fine"))
	moved := 0
	eventually(t, "three are moved", func() bool { // one that is being tried once more is not, at first
		moved += redirect()
		return moved == 3
	})
	w.See("what had none", saying("fine", "below a root that never came", "archived", "thread"))
	if again := redirect(); again != 0 {
		t.Errorf("%d messages were moved again", again)
	}
	// It is the same message as before: newer state goes where it went.
	w.put(out, archived("reminder/archived", "", "unarchived"))
	w.See("the newer state", saying("fine", "below a root that never came", "unarchived", "thread"))
}
