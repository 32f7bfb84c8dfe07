package commands_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// trail returns what the audit trail says about presses and decisions that did not count, about
// runs and about none, each with who made it.
func (r *botFixture) trail() []string {
	r.t.Helper()
	rows, err := r.pool.Query(r.ctx(), `SELECT concat(actor->>'id', ' ', kind, ': ', text) FROM events
		WHERE kind IN ('forged_press', 'refused') ORDER BY id`)
	must(r.t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(r.t, err)
	return lines
}

// inTrail waits for a line of the audit trail that begins so.
func (r *botFixture) inTrail(line string) {
	r.t.Helper()
	begins := func(s string) bool { return strings.HasPrefix(s, line) }
	deadline := time.Now().Add(waitTimeout)
	for ; !slices.ContainsFunc(r.trail(), begins); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("the trail lacks %q:\n%s", line, strings.Join(r.trail(), "\n"))
		}
	}
}

// noRun fails if a run began.
func (r *botFixture) noRun(slug string) {
	r.t.Helper()
	if run, err := r.service.Records.Latest(r.ctx(), slug); err == nil {
		r.t.Fatalf("a run of %s began, requested by %s", slug, run.Requester.ID)
	}
}

// TestNobodyIsMadeTheRequester plays an operator who also holds the bot's token, and has somebody
// else begin what they then approve alone.
func TestNobodyIsMadeTheRequester(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	thief := r.thief()
	// The button of a confirmation that Ana alone was shown, in a message and in a private one.
	answer := r.say(r.ana, "ops", `evil name="Eve" email=eve@example.com mode=person domains=evil.example`)
	if !strings.Contains(answer, "Start") {
		t.Fatal(answer)
	}
	var confirmation string
	must(t, r.pool.QueryRow(r.ctx(), `SELECT inputs->>'offer' FROM drafts WHERE slug = 'evil'`).Scan(&confirmation))
	start := func(title string) slack.MsgOption {
		return slack.MsgOptionBlocks(blockkit.Section(title), slack.NewActionBlock(form.ConfirmationBlock+"evil",
			blockkit.Button(form.ActionStart, confirmation, "Yes", "")))
	}
	_, _, err := thief.PostMessageContext(r.ctx(), workspace.OpsChannel, start("Pizza?"))
	must(t, err)
	r.press(r.bo, r.read(r.bo, "Pizza?"), "Yes")
	r.inTrail(workspace.Bo + " forged_press: a message that the bot did not post")
	_, err = thief.PostEphemeralContext(r.ctx(), workspace.OpsChannel, workspace.Bo, start("Pasta?"))
	must(t, err)
	r.press(r.bo, r.readPrivate(r.bo, "Pasta?"), "Yes")
	r.inTrail(workspace.Bo + " forged_press: a private message that the bot did not send, or sent too long ago")
	r.noRun("evil")

	// A form that Bo has open.
	opened := r.open(r.bo, "harmless")
	draft := form.NewDraft("evil")
	draft.Name, draft.Email, draft.Domains = "Eve", "eve@example.com", "evil.example"
	forged := form.Form{Meta: form.Meta{Channel: workspace.OpsChannel, Slug: "evil"}, Draft: draft,
		Hosts: []string{"vps-0", "vps-1"}}.View()
	forged.Title = blockkit.Plain("Pizza", 24)
	// Slack keeps what was typed where a block stays, so the blocks go first.
	_, err = thief.UpdateViewContext(r.ctx(), mrkdwn.Notice("Pizza", "One moment…"), "", "", opened.ID)
	must(t, err)
	_, err = thief.UpdateViewContext(r.ctx(), forged, "", "", opened.ID)
	must(t, err)
	if out := r.submit(opened); out.Modal == nil || !strings.Contains(out.Modal.Render(200, nil), "did not count") {
		t.Errorf("%+v", out)
	}
	r.inTrail(workspace.Bo + " forged_press: a view that was changed after the bot showed it")
	r.noRun("evil")

	// Her own confirmation still counts, for her.
	again := r.readPrivate(r.ana, "Onboard", "Eve")
	r.press(r.ana, again, "Start")
	r.read(r.bo, "Onboarding Eve")
	if run := r.run("evil"); run.Requester.ID != workspace.Ana {
		t.Errorf("the requester is %s", run.Requester.ID)
	}
	report, err := store.VerifyChain(r.ctx(), r.pool)
	must(t, err)
	if len(report.Problems) > 0 {
		t.Errorf("the audit chain: %q", report.Problems)
	}
}

// TestWhoChangesTheContentDoesNotApproveIt has approvers edit what they were asked for, stand in
// for the requester's cover, and press what is no longer asked.
func TestWhoChangesTheContentDoesNotApproveIt(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	root := r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed")
	r.press(r.cleo, root, "Review all")
	review := r.reviewed(r.cleo, "Deploy · merche-biche.com", "Approve · digest")
	before := r.run("merche-biche")
	ahead := before.Approvals[len(before.Approvals)-1]
	_, err := review.Choose(r.ctx(), "Deploy · merche-biche.com", "Approve · digest "+ahead.Digest.Short())
	must(t, err)
	if out := r.submit(review); out.Modal == nil {
		t.Fatalf("%+v", out)
	}
	r.rejects(r.bo, question, "The email is mistyped")
	r.press(r.bo, r.read(r.bo, "was rejected", "The email is mistyped"), "Edit and ask again…")
	edited := r.reviewed(r.bo, "Edit the request")
	_, err = edited.Fill(r.ctx(), "Email", "bo@example.com")
	must(t, err)
	if out := r.submit(edited); !out.Closed {
		t.Fatalf("%+v", out)
	}
	// Who edited is the requester now, and nothing that was approved for the run before counts.
	r.press(r.bo, r.read(r.bo, "Database: approval needed", "[Approve]"), "Approve")
	r.readPrivate(r.bo, "your own request")
	r.inTrail(workspace.Bo + " refused: the requester cannot approve their own request")
	after := r.run("merche-biche")
	if after.Requester.ID != workspace.Bo || after.ID == before.ID {
		t.Errorf("%s requested run %s", after.Requester.ID, after.ID)
	}
	for _, approval := range after.Approvals {
		if len(approval.Votes) > 0 {
			t.Errorf("%s has the votes %v", approval.Step, approval.Votes)
		}
	}
	// Whoever covers has messages and no rights, and a stranger's press is in the trail as well.
	until := time.Now().AddDate(0, 0, 3).UTC().Format(time.DateOnly)
	must(t, r.service.Absences.Begin(r.ctx(), workspace.Cleo, workspace.Bo, time.Now().Add(time.Hour)))
	if answer := r.say(r.cleo, "ops", "away until="+until+" cover=@gus"); strings.Contains(answer, "gets your") {
		t.Errorf("a guest covers: %s", answer)
	}
	again := r.read(r.bo, "Database: approval needed", "[Approve]")
	r.press(r.bo, again, "Approve")
	for who, why := range map[string]string{
		workspace.Gus: "not an operator: guests",
		workspace.Fay: "not an operator: people of other workspaces",
	} {
		r.press(workspace.As(r, who), again, "Approve")
		r.inTrail(who + " refused: " + why)
	}
	if votes := r.run("merche-biche").Approvals[0].Votes; len(votes) > 0 {
		t.Errorf("%v", votes)
	}
	// The same refusal is in the trail once, and nobody of them ends a freeze of their own change.
	if trail := r.trail(); len(trail) != 3 {
		t.Errorf("the trail has %q", trail)
	}
	must(t, r.service.Freeze(r.ctx(), workspace.Bo, "a look"))
	r.press(r.ana, r.read(r.bo, "Database: approval needed", "a look"), "Approve")
	r.read(r.bo, "approved, held by the freeze")
	if answer := r.say(r.bo, "ops", "thaw"); strings.Contains(answer, "Thawed") {
		t.Errorf("the requester thaws: %s", answer)
	}
	r.inTrail(workspace.Bo + " refused: the freeze holds approved changes of the run that they requested: merche-biche")
	r.noRefusals()
}
