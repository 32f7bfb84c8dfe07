package commands_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// dump is the bot's database as pg_dump writes it.
func (r *botFixture) dump() []byte {
	r.t.Helper()
	dump, err := exec.CommandContext(r.t.Context(), "pg_dump", "--dbname", r.dsn).Output()
	must(r.t, err)
	return dump
}

// settled waits until the database knows all that Slack shows.
func (r *botFixture) settled() {
	r.t.Helper()
	for deadline := time.Now().Add(waitTimeout); ; time.Sleep(5 * time.Millisecond) {
		var waiting int
		must(r.t, r.pool.QueryRow(r.t.Context(), `SELECT count(*) FROM slack_messages WHERE waiting`).Scan(&waiting))
		if waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d messages are waiting", waiting)
		}
	}
}

// restore stops the bot and starts it on a database with a dump.
func (r *botFixture) restore(dump []byte) {
	r.t.Helper()
	r.stop()
	dsn := postgres.Database(r.t)
	psql := exec.CommandContext(r.t.Context(), "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", dsn)
	psql.Stdin = bytes.NewReader(dump)
	out, err := psql.CombinedOutput()
	if err != nil {
		r.t.Fatalf("psql: %v\n%s", err, out)
	}
	must(r.t, r.migrate(dsn))
	r.start(dsn)
}

// TestADatabaseRestoredToEarlier is a failover that lost what happened after the first question:
// an approval, an application, the next questions, and a whole run.
func TestADatabaseRestoredToEarlier(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed", "[Approve]")
	r.settled()
	dump := r.dump()
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	lost := r.read(r.bo, "Deploy · merche-biche.com: approval needed", "[Approve]")
	r.begin("basile")

	r.restore(dump)
	// The lost question stood in the message of the first one, which shows what the database
	// knows.
	_, err := r.bo.WaitMessage(r.ctx(), "ops", func(m workspace.Message) bool {
		text := m.Render(200, nil)
		return m.TS == lost.TS && strings.Contains(text, "Database: approval needed") &&
			!strings.Contains(text, "Deploy")
	})
	must(t, err)
	r.read(r.ana, "no longer knows this message", "Onboarding", "basile")
	// The run goes on from what the database knows, and finds what was applied.
	asked := r.read(r.bo, "Database: approval needed", "[Approve]")
	r.press(r.bo, asked, "Approve")
	r.press(r.bo, r.read(r.bo, "Deploy · merche-biche.com: approval needed", "[Approve]"), "Approve")
	r.read(r.ana, "Merche Biche is live")
	if got := r.forgeries("merche-biche"); len(got) != 0 {
		t.Errorf("forgeries: %q", got)
	}
}

// TestADeletedQuestionIsAskedAgain deletes a question and its run's first message.
func TestADeletedQuestionIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	root := r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed", "[Approve]")
	r.settled()
	for _, message := range []workspace.Message{question, root} {
		_, _, err := r.thief().DeleteMessageContext(t.Context(), workspace.OpsChannel, message.TS)
		must(t, err)
	}
	if answer := r.say(r.ana, "ops", "status merche-biche"); !strings.Contains(answer, "thread") &&
		!strings.Contains(answer, "[Review all]") {
		t.Errorf("status leads nowhere:\n%s", answer)
	}
	r.read(r.ana, "Posted again, because the message was deleted.", "Onboarding Merche Biche")
	r.press(r.bo, r.read(r.bo, "Posted again", "Database: approval needed", "[Approve]"), "Approve")
	r.read(r.ana, "Database: done")
}

// TestACopyOfAQuestionDoesNotCount is a question that Slack took twice.
func TestACopyOfAQuestionDoesNotCount(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed", "[Approve]")
	var blocks slack.Blocks
	must(t, blocks.UnmarshalJSON(question.Blocks))
	_, _, err := r.thief().PostMessageContext(t.Context(), workspace.OpsChannel, slack.MsgOptionTS(question.ThreadTS),
		slack.MsgOptionText("the copy", false), slack.MsgOptionBlocks(blocks.BlockSet...),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "onboardbot_message",
			EventPayload: map[string]any{"key": r.questionKey("merche-biche")}}))
	must(t, err)
	copied, err := r.bo.WaitMessage(r.ctx(), "ops", func(m workspace.Message) bool { return m.Text == "the copy" })
	must(t, err)
	r.press(r.bo, copied, "Approve")
	r.readPrivate(r.bo, "Slack shows this message twice")
	r.noVotes("merche-biche")
	r.press(r.bo, question, "Approve")
	r.read(r.ana, "Database: done")
	if got := r.forgeries("merche-biche"); len(got) != 0 {
		t.Errorf("forgeries: %q", got)
	}
}
