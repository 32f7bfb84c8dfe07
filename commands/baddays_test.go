package commands_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// badDay is one way in which Slack fails during an onboarding.
type badDay struct {
	// before happens before the run begins, asked when its first question is shown.
	before, asked []workspace.Fault
	// act is what people do when the first question is shown.
	act func(r *botFixture, run *dayRun)
}

// dayRun is one onboarding on a bad day.
type dayRun struct {
	slug     string
	root     workspace.Message
	question workspace.Message
}

// inThread waits for a message in the run's thread that holds all the words.
func (r *botFixture) inThread(run *dayRun, words ...string) workspace.Message {
	r.t.Helper()
	names := r.names()
	shows := func(m workspace.Message) bool {
		if m.ThreadTS != run.root.TS || m.Ephemeral {
			return false
		}
		text := m.Render(200, names)
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	}
	// The channel grows from run to run, so it is not read at each change.
	for deadline := time.Now().Add(waitTimeout); ; time.Sleep(25 * time.Millisecond) {
		messages, err := r.ana.Read(r.ctx(), "ops")
		must(r.t, err)
		if i := slices.IndexFunc(messages, shows); i >= 0 {
			return messages[i]
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: nothing in the thread shows %q", run.slug, words)
		}
	}
}

// insist presses until Slack shows no warning, as people do.
func (r *botFixture) insist(who *workspace.Person, message workspace.Message, button string) {
	r.t.Helper()
	for {
		out, err := who.Press(r.ctx(), message, button)
		if errors.Is(err, workspace.ErrCannot) {
			return // the press before counted, and the button is gone
		}
		must(r.t, err)
		if out.Error == "" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// chat are faults of the calls that post and update.
func chat(fault workspace.Fault) []workspace.Fault {
	post, update := fault, fault
	post.Method, update.Method = "chat.postMessage", "chat.update"
	return []workspace.Fault{post, update}
}

var interaction = workspace.EnvelopeInteractive

var badDays = map[string]badDay{
	"throttled":       {asked: chat(workspace.Fault{Kind: workspace.FaultRateLimit, RetryAfter: time.Second})},
	"broken":          {before: chat(workspace.Fault{Kind: workspace.FaultStatus, Status: 503})},
	"cut off":         {before: chat(workspace.Fault{Kind: workspace.FaultCut})},
	"silent":          {before: chat(workspace.Fault{Kind: workspace.FaultHang, Delay: 30 * time.Second})},
	"late":            {asked: chat(workspace.Fault{Kind: workspace.FaultLate, Delay: 500 * time.Millisecond})},
	"sent twice":      {asked: []workspace.Fault{{Kind: workspace.FaultDuplicate, Envelope: interaction}}},
	"sent again":      {asked: []workspace.Fault{{Kind: workspace.FaultRedeliver, Envelope: interaction}}},
	"unheard":         {asked: []workspace.Fault{{Kind: workspace.FaultLoseAck, Envelope: interaction}}},
	"dropped":         {asked: []workspace.Fault{{Kind: workspace.FaultDrop}}},
	"refreshed":       {asked: []workspace.Fault{{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonRefresh}}},
	"refusing blocks": {before: chat(workspace.Fault{Kind: workspace.FaultError, Error: "invalid_blocks"})},
	"without buttons": {before: []workspace.Fault{{Kind: workspace.FaultUnsupported, Reason: "actions"}}, act: atHome},
	"archived":        {act: archived},
	"bot removed":     {act: removed},
	"deactivated":     {act: deactivated},
	"token revoked":   {act: revoked},
}

// archived archives the channel and takes that back. What was decided meanwhile shows after
// somebody asks for the status.
func archived(r *botFixture, run *dayRun) {
	act := func(do workspace.Verb) {
		_, err := r.Act(r.ctx(), workspace.Action{Do: do, User: workspace.Ana, Channel: workspace.OpsChannel})
		must(r.t, err)
	}
	act(workspace.DoArchive)
	r.insist(r.bo, run.question, "Approve")
	r.refused(run)
	r.toldDirectly(run, "the channel is archived")
	act(workspace.DoUnarchive)
	r.askStatus(run)
}

// atHome decides where Slack shows buttons.
func atHome(r *botFixture, run *dayRun) {
	must(r.t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultUnsupported, Reason: "actions", Times: -1}))
	if text := run.question.Render(200, nil); !strings.Contains(text, "Home tab") {
		r.t.Errorf("the question has no buttons and does not say where they are:\n%s", text)
	}
	must(r.t, r.bo.OpenHome(r.ctx()))
	home, err := r.bo.Home(r.ctx())
	must(r.t, err)
	_, err = home.Wait(r.ctx(), func(m workspace.Modal) bool {
		return strings.Contains(m.Render(200, nil), "Database for Merche Biche")
	})
	must(r.t, err)
	_, err = home.Press(r.ctx(), "Approve")
	must(r.t, err)
}

// askStatus types until Slack shows no error, as people do.
func (r *botFixture) askStatus(run *dayRun) {
	r.t.Helper()
	for {
		out, err := r.ana.Type(r.ctx(), "ops", "/onboard status "+run.slug)
		must(r.t, err)
		if out.Error == "" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// removed takes the bot out of the channel.
func removed(r *botFixture, run *dayRun) {
	must(r.t, r.ana.Remove(r.ctx(), "ops"))
	r.insist(r.bo, run.question, "Approve")
	r.refused(run)
	r.toldDirectly(run, "the bot is not in the channel")
	must(r.t, r.ana.Invite(r.ctx(), "ops"))
	r.askStatus(run)
}

// deactivated ends the account of one of two who were asked.
func deactivated(r *botFixture, run *dayRun) {
	_, err := r.Act(r.ctx(), workspace.Action{Do: workspace.DoDeactivate, User: workspace.Ana, Target: workspace.Cleo})
	must(r.t, err)
	if _, err := r.cleo.Press(r.ctx(), run.question, "Approve"); !errors.Is(err, workspace.ErrCannot) {
		r.t.Errorf("Cleo, who is deactivated, pressed: %v", err)
	}
	r.insist(r.bo, run.question, "Approve")
}

// revoked revokes the bot's token. With a new one the bot is started again.
func revoked(r *botFixture, run *dayRun) {
	for _, fault := range chat(workspace.Fault{Kind: workspace.FaultError, Error: "token_revoked", Times: 100}) {
		must(r.t, r.Order(r.ctx(), fault))
	}
	r.insist(r.bo, run.question, "Approve")
	r.refused(run)
	r.stop()
	r.ForgetFaults()
	r.start(r.dsn)
}

// toldDirectly waits until the requester reads in a direct message that the thread gets nothing.
func (r *botFixture) toldDirectly(run *dayRun, why string) {
	r.t.Helper()
	for range 2 { // once, however often it is looked for
		must(r.t, r.projector.TellUnreachable(r.ctx(), time.Now()))
	}
	_, err := r.ana.WaitMessage(r.ctx(), "", func(m workspace.Message) bool {
		return strings.Contains(m.Text, why) && strings.Contains(m.Text, run.slug)
	})
	must(r.t, err)
}

// refused waits until Slack refused a message of the run.
func (r *botFixture) refused(run *dayRun) {
	r.t.Helper()
	root := "run/" + r.run(run.slug).ID.String()
	for deadline := time.Now().Add(waitTimeout); ; time.Sleep(5 * time.Millisecond) {
		var refused bool
		must(r.t, r.pool.QueryRow(r.t.Context(), `SELECT EXISTS (SELECT FROM slack_messages
			WHERE starts_with(key, $1) AND failed_hash = hash)`, root).Scan(&refused))
		if refused {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal("Slack refused nothing")
		}
	}
}

// TestBadDays onboards a Provider on each bad day of Slack's: everybody reads what they have to,
// the thread shows nothing twice, and the run comes to its end.
func TestBadDays(t *testing.T) {
	t.Parallel()
	r := newFixtureOf(t, size{runs: 10, connections: 25, callTimeout: 300 * time.Millisecond},
		func(c *workspace.Config, _ *onboarding.Policy, _ *access.Config) {
			c.Timing.Ack, c.Timing.Redeliver = time.Second, 50*time.Millisecond
			c.Timing.Linger = 200 * time.Millisecond
		})
	r.platform.perDomain = nil // one change each is enough
	for name, day := range badDays {
		t.Run(name, func(t *testing.T) {
			r.t = t
			run := &dayRun{slug: "day-" + strings.ReplaceAll(name, " ", "-")}
			order := func(faults []workspace.Fault) {
				for _, fault := range faults {
					must(t, r.Order(r.ctx(), fault))
				}
			}
			order(day.before)
			run.root = r.begin(run.slug)
			run.question = r.inThread(run, "Database: approval needed")
			order(day.asked)
			if day.act != nil {
				day.act(r, run)
			} else {
				r.insist(r.bo, run.question, "Approve")
			}
			r.inThread(run, "Database: done")
			r.inThread(run, "Merche Biche is live")
			r.nothingTwice(run)
			r.ForgetFaults()
		})
	}
}

// nothingTwice fails if the thread shows a message twice.
func (r *botFixture) nothingTwice(run *dayRun) {
	r.t.Helper()
	messages, err := r.ana.Read(r.ctx(), "ops")
	must(r.t, err)
	seen := map[string]bool{}
	for _, m := range messages {
		if m.ThreadTS != run.root.TS || len(m.Metadata) == 0 {
			continue
		}
		if seen[string(m.Metadata)] {
			r.t.Errorf("the thread shows %s twice", m.Metadata)
		}
		seen[string(m.Metadata)] = true
	}
}

// TestStatusSaysWhatWaitsForSlack asks while Slack takes no posts.
func TestStatusSaysWhatWaitsForSlack(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	for _, typed := range []string{"status merche-biche", "status"} {
		if answer := r.say(r.bo, "ops", typed); strings.Contains(answer, "Slack has not accepted") {
			t.Errorf("%s: %s", typed, answer)
		}
	}
	for _, fault := range chat(workspace.Fault{Kind: workspace.FaultRateLimit, Times: 1000, RetryAfter: time.Hour}) {
		must(t, r.Order(r.ctx(), fault))
	}
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	_, err := r.ana.WaitMessage(r.ctx(), "ops", func(workspace.Message) bool {
		return strings.Contains(r.say(r.bo, "ops", "status merche-biche"), "Slack has not accepted")
	})
	must(t, err)
	for _, typed := range []string{"status merche-biche", "status"} {
		answer := r.say(r.bo, "ops", typed)
		if !strings.Contains(answer, "The oldest has waited for") ||
			!strings.Contains(answer, "The next attempt is made in") {
			t.Errorf("%s: %s", typed, answer)
		}
	}
	r.ForgetFaults()
}
