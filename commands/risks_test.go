package commands_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/risk"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// riskyPlatform is a checker that finds a risk, of an object with a definition.
type riskyPlatform struct{ definition string }

func (p *riskyPlatform) Ready(context.Context) ([]string, error) { return nil, nil }

func (p *riskyPlatform) Check(context.Context, isolation.Options) (*isolation.Report, error) {
	return &isolation.Report{Verdict: isolation.Incomplete, Findings: []isolation.Finding{
		{Kind: isolation.Risk, Operation: "execute", Table: "public.export", As: "any session",
			Evidence: "it runs with its owner's rights", Definition: p.definition},
	}}, nil
}

// reportRisk makes a report as the worker does, with the risks that operators accepted set apart.
func (r *botFixture) reportRisk(platform *riskyPlatform) *isolation.Report {
	r.t.Helper()
	report, err := reports.Accepting(platform, r.risks).Check(r.ctx(), isolation.Options{})
	must(r.t, err)
	return report
}

// postRisk posts a report with the risk in the channel, which has the words.
func (r *botFixture) postRisk(platform *riskyPlatform, words ...string) workspace.Message {
	r.t.Helper()
	record := reports.Record{Request: reports.Request{ID: uuid.New(), Channel: workspace.OpsChannel,
		By: workspace.Ana}, At: time.Now(), Report: r.reportRisk(platform)}
	encoded, err := json.Marshal(record.Report)
	must(r.t, err)
	must(r.t, pgx.BeginFunc(r.ctx(), r.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(r.ctx(), `INSERT INTO isolation_reports (id, tenant, asked_by, channel, at, report, problem,
			standing) VALUES ($1, '', $2, $3, now(), $4, '', '[]')`, record.ID, record.By, record.Channel, encoded)
		must(r.t, err)
		return r.announcer.Announce(r.ctx(), tx, record)
	}))
	return r.read(r.ana, words...)
}

// askToAccept sends the form behind the button of the risk, and returns what came of it.
func (r *botFixture) askToAccept(who *workspace.Person, report workspace.Message, until string) workspace.Outcome {
	r.t.Helper()
	return r.submit(r.riskForm(who, report, until))
}

// riskForm fills in the form behind the button of the risk.
func (r *botFixture) riskForm(who *workspace.Person, report workspace.Message, until string) *workspace.Form {
	r.t.Helper()
	r.press(who, report, "Accept this risk…")
	form, err := who.Modal(r.ctx())
	must(r.t, err)
	_, err = form.Fill(r.ctx(), "Why can it be accepted?", "only the API calls it")
	must(r.t, err)
	_, err = form.Choose(r.ctx(), "Last day (UTC)", until)
	must(r.t, err)
	return form
}

func day(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }

// TestARiskIsAccepted has one operator ask, another accept, and a third withdraw it.
func TestARiskIsAccepted(t *testing.T) {
	t.Parallel()
	r := newFixtureOf(t, size{runs: 1, connections: 25, key: sampleKey})
	platform := &riskyPlatform{definition: "3f2a90c1d4e5"}
	report := r.postRisk(platform, "Risk: execute of `public.export`")
	for _, wrong := range []string{day(-1), day(400)} {
		if said := r.wrong(r.riskForm(r.ana, report, wrong)); !strings.Contains(said, "Choose a day from") {
			t.Fatalf("until %s: %s", wrong, said)
		}
	}
	if out := r.askToAccept(r.ana, report, day(30)); !out.Closed {
		t.Fatalf("%+v", out)
	}
	request := r.read(r.bo, "Accept this risk? @Ana Ortiz asks to accept it until "+day(30),
		"execute of `public.export`", "it runs with its owner's rights", "only the API calls it", "3f2a90c1d4e5",
		"A second operator must decide", "[Accept] [Reject…] [Withdraw…]")
	if request.ThreadTS != report.TS {
		t.Errorf("the request is in the thread %q of %q", request.ThreadTS, report.TS)
	}
	out := r.askToAccept(r.bo, report, day(60))
	if out.Modal == nil || !strings.Contains(out.Modal.Render(200, r.names()), "@Ana Ortiz has asked already") {
		t.Errorf("asked twice: %+v", out)
	}

	r.press(r.ana, request, "Accept")
	r.readPrivate(r.ana, "You asked to accept this risk, so another operator must decide")
	r.inTrail(workspace.Ana + " refused: accept risk ")
	gus := workspace.As(r.Workspace, workspace.Gus)
	r.press(gus, request, "Accept")
	r.inTrail(workspace.Gus + " refused: not an operator: guests")
	if got := r.reportRisk(platform); got.Verdict != isolation.Incomplete {
		t.Fatalf("before somebody decided: %+v", got)
	}
	r.press(r.bo, request, "Accept")
	r.read(r.cleo, "Risk accepted until "+day(30)+" by @Bo Lindqvist", "requested by @Ana Ortiz", "[Withdraw…]")
	got := r.reportRisk(platform)
	if got.Verdict != isolation.Sound || len(got.Accepted) != 1 ||
		got.Accepted[0].String() != "execute of public.export: only the API calls it "+
			"(requested by ana, accepted by bo, until "+day(30)+")" {
		t.Fatalf("accepted: %+v", got)
	}
	changed := r.reportRisk(&riskyPlatform{definition: "000000000000"})
	if changed.Verdict != isolation.Incomplete || !strings.Contains(changed.Coverage.Notes[0], "another definition") {
		t.Errorf("its object changed: %+v", changed)
	}
	quiet := r.postRisk(platform, "No tenant can reach another tenant's rows", "1 accepted risk",
		"Accepted until "+day(30)+": execute of `public.export`", "requested by ana, accepted by bo")
	r.press(r.cleo, quiet, "Withdraw…")
	r.read(r.bo, "Withdrawn by @Cleo Park")
	if got := r.reportRisk(platform); got.Verdict != isolation.Incomplete {
		t.Errorf("withdrawn: %+v", got)
	}
	r.press(r.ana, quiet, "Withdraw…")
	r.readPrivate(r.ana, "Withdrawn by @Cleo Park", "Your press changed nothing")

	if out := r.askToAccept(r.bo, report, day(1)); !out.Closed {
		t.Fatalf("asked anew: %+v", out)
	}
	r.press(r.ana, r.read(r.ana, "@Bo Lindqvist asks to accept it until "+day(1)), "Reject…")
	form, err := r.ana.Modal(r.ctx())
	must(t, err)
	_, err = form.Fill(r.ctx(), "Why not?", "the web role may call it")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.bo, "Not accepted: rejected by @Ana Ortiz", "the web role may call it")
	if verified, err := store.VerifyChain(t.Context(), r.pool); err != nil || len(verified.Problems) > 0 {
		t.Errorf("the audit chain: %v, %v", verified.Problems, err)
	}
}

// TestARiskWaitsForApprovers has a request wait where approval requests do, and one person accept
// it on the Home tab and another withdraw it in a direct message.
func TestARiskWaitsForApprovers(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, _ *onboarding.Policy, config *access.Config) {
		config.Notify = access.NotifyBoth
	})
	report := r.postRisk(&riskyPlatform{definition: "3f2a90c1d4e5"}, "Risk: execute of `public.export`")
	if out := r.askToAccept(r.ana, report, day(30)); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.bo, "Accept this risk?", "A second operator must decide: @operators or @Cleo Park")
	const asked = "A risk in an isolation report, requested by @Ana Ortiz in #ops"
	direct, err := r.cleo.WaitText(r.ctx(), "", asked, "only the API calls it", "[Accept] [Reject…] [Withdraw…]")
	must(t, err)
	const line = "Accept the risk execute of `public.export`? Requested by @Ana Ortiz"
	if answer := r.say(r.bo, "ops", "status"); !strings.Contains(answer, line) {
		t.Errorf("status: %s", answer)
	}
	if answer := r.say(r.ana, "ops", "status"); !strings.Contains(answer, "Nothing is waiting for you.") {
		t.Errorf("status of who asked: %s", answer)
	}
	must(t, r.bo.OpenHome(r.ctx()))
	home, err := r.bo.Home(r.ctx())
	must(t, err)
	_, err = home.Wait(r.ctx(), has("Accept the risk execute of `public.export`?", "only the API calls it"))
	must(t, err)
	_, err = home.Press(r.ctx(), "Accept")
	must(t, err)
	_, err = home.Wait(r.ctx(), has("Nothing is waiting for you."))
	must(t, err)
	r.read(r.ana, "Risk accepted until "+day(30)+" by @Bo Lindqvist", "[Withdraw…]")
	_, err = r.cleo.WaitText(r.ctx(), "", asked, "Risk accepted until "+day(30))
	must(t, err)
	r.press(r.cleo, direct, "Withdraw…")
	r.read(r.ana, "Withdrawn by @Cleo Park")
	if messages, err := r.ana.Read(r.ctx(), ""); err == nil && len(messages) > 0 {
		t.Errorf("who asked gets direct messages: %+v", messages)
	}
	r.noRefusals()
}

// TestNobodyDecidesOnARisk has approvers reminded of a request that then expires.
func TestNobodyDecidesOnARisk(t *testing.T) {
	t.Parallel()
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy, config *access.Config) {
		config.Notify = access.NotifyBoth
		domain.ApprovalLife, domain.RemindBefore = 2*time.Second, 1500*time.Millisecond
	})
	report := r.postRisk(&riskyPlatform{definition: "3f2a90c1d4e5"}, "Risk: execute of `public.export`")
	if out := r.askToAccept(r.ana, report, day(30)); !out.Closed {
		t.Fatalf("%+v", out)
	}
	const over, reminder = "Nobody decided in time: the request of @Ana Ortiz expired",
		"The risk execute of `public.export` needed a decision; nobody decided in time."
	if text := r.read(r.bo, over).Render(200, r.names()); strings.Contains(text, "[") {
		t.Errorf("it keeps its buttons:\n%s", text)
	}
	if told := r.read(r.bo, reminder); told.ThreadTS != report.TS {
		t.Errorf("the reminder is in the thread %q of %q", told.ThreadTS, report.TS)
	}
	for _, text := range []string{over, reminder} {
		_, err := r.cleo.WaitText(r.ctx(), "", text)
		must(t, err)
	}
	if answer := r.say(r.bo, "ops", "status"); !strings.Contains(answer, "Nothing is waiting for you.") {
		t.Errorf("status: %s", answer)
	}
	r.noRefusals()
}

// TestNobodyForgesAnAcceptedRisk plays an operator who also holds the bot's token and writes to
// its database.
func TestNobodyForgesAnAcceptedRisk(t *testing.T) {
	t.Parallel()
	r := newFixtureOf(t, size{runs: 1, connections: 25, key: sampleKey},
		func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
			domain.Rules = map[onboarding.Kind]onboarding.Rule{risk.Kind: {Confirm: onboarding.ConfirmTOTP}}
		})
	platform := &riskyPlatform{definition: "3f2a90c1d4e5"}
	report := r.postRisk(platform, "Risk: execute of `public.export`")
	if out := r.askToAccept(r.ana, report, day(30)); !out.Closed {
		t.Fatalf("%+v", out)
	}
	request := r.read(r.bo, "Accept this risk?", "a code from an authenticator app is required")
	var id string
	must(t, r.pool.QueryRow(r.ctx(), `SELECT id::text FROM risks`).Scan(&id))
	open := func() {
		t.Helper()
		if got := r.reportRisk(platform); got.Verdict != isolation.Incomplete || len(got.Accepted) > 0 {
			t.Fatalf("it counts: %+v", got)
		}
	}

	thief := r.thief()
	for i, button := range []*slack.ButtonBlockElement{
		blockkit.Button(isolationreport.ActionAccept, id, "Yes", ""),
		blockkit.Button(isolationreport.ActionOffer, uuid.NewString()+"/0", "Yes", ""),
	} {
		title := []string{"Pizza?", "Pasta?"}[i]
		_, _, err := thief.PostMessageContext(r.ctx(), workspace.OpsChannel, slack.MsgOptionBlocks(
			blockkit.Section(title), slack.NewActionBlock("risk", button)))
		must(t, err)
		r.press(r.bo, r.read(r.bo, title), "Yes")
		r.inTrail(workspace.Bo + " forged_press: a message that the bot did not post")
	}
	_, _, _, err := thief.UpdateMessageContext(r.ctx(), workspace.OpsChannel, request.TS, slack.MsgOptionBlocks(
		blockkit.Section("Popcorn?"),
		slack.NewActionBlock("risk", blockkit.Button(isolationreport.ActionAccept, id, "Yes", ""))))
	must(t, err)
	r.press(r.bo, r.read(r.bo, "Popcorn?"), "Yes")
	r.inTrail(workspace.Bo + " forged_press: a message of the bot that was changed")
	request = r.read(r.bo, "Accept this risk?", "a code from an authenticator app is required")
	open()

	exec := func(sql string) {
		t.Helper()
		_, err := r.pool.Exec(r.ctx(), sql)
		must(t, err)
	}
	exec(`INSERT INTO risk_votes (risk_id, operator, act, name, reason, source, at, confirmed)
		SELECT id, 'U0EVE', 'accept', 'eve', '', 'a message', now(), 'totp' FROM risks`)
	open()
	exec(`DELETE FROM risk_votes`)
	exec(`UPDATE risks SET operator = '` + workspace.Cleo + `'`)
	r.press(r.ana, request, "Accept")
	r.readPrivate(r.ana, "The bot did not sign this request")
	r.inTrail(workspace.Ana + " refused: accept risk " + id)
	exec(`UPDATE risks SET operator = '` + workspace.Ana + `'`)
	verified, err := store.VerifyChain(t.Context(), r.pool)
	must(t, err)
	if !slices.ContainsFunc(verified.Problems, func(problem string) bool {
		return strings.HasPrefix(problem, "risk_vote accept/U0EVE/"+id)
	}) {
		t.Errorf("the audit chain says of the vote: %v", verified.Problems)
	}

	factors, err := secondfactor.Open(r.pool, secondfactor.Config{Key: secret.New(sampleKey)})
	must(t, err)
	code := r.enrolled(factors, workspace.Bo)
	accepts := func(code string) *workspace.Form {
		t.Helper()
		r.press(r.bo, request, "Accept")
		form, err := r.bo.Modal(r.ctx())
		must(t, err)
		_, err = form.Fill(r.ctx(), "Code from your authenticator app", code)
		must(t, err)
		return form
	}
	if said := r.wrong(accepts("000000")); !strings.Contains(said, "tries are left") {
		t.Fatalf("a wrong code: %s", said)
	}
	r.inTrail(workspace.Bo + " refused: accept risk " + id + ": the code of " + workspace.Bo)
	if out := r.submit(accepts(code(0))); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Risk accepted until "+day(30)+" by @Bo Lindqvist")
	if got := r.reportRisk(platform); got.Verdict != isolation.Sound {
		t.Errorf("%+v", got)
	}
	exec(`UPDATE risks SET until = '2099-01-01'`)
	open()
}
