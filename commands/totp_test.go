package commands_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
)

// sampleKey is a key of second_factor, in base64.
const sampleKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// TestASecondFactor has a rule ask for codes. Whoever has a session of Slack and write access to
// the database, and no code, gets nothing applied.
func TestASecondFactor(t *testing.T) {
	t.Parallel()
	r := newFixtureOf(t, size{runs: 10, connections: 25, key: sampleKey},
		func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
			domain.Rules = map[onboarding.Kind]onboarding.Rule{"database": {Confirm: onboarding.ConfirmTOTP}}
		})
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed", "A code from their authenticator app is required")
	r.press(r.bo, question, "Approve")
	r.readPrivate(r.bo, "the bot does not know yours", "onboardbot totp enroll -operator "+workspace.Bo)

	factors, err := secondfactor.Open(r.pool, secondfactor.Config{Key: secret.New(sampleKey)})
	must(t, err)
	codeOfBo := r.enrolled(factors, workspace.Bo)
	r.enrolled(factors, workspace.Cleo)

	// Somebody with Cleo's session guesses.
	for try := range 5 {
		r.press(r.cleo, question, "Approve")
		guess, err := r.cleo.Modal(r.ctx())
		must(t, err)
		_, err = guess.Fill(r.ctx(), "Code from your authenticator app", "000000")
		must(t, err)
		want := map[int]string{3: "One try is left", 4: "You are locked out"}[try]
		if said := r.wrong(guess); !strings.Contains(said, want) {
			t.Fatalf("try %d: %s", try, said)
		}
	}
	r.read(r.ana, "@Cleo Park is locked out", "somebody is using their Slack account")

	// Then they write the vote into the database.
	_, err = r.pool.Exec(r.ctx(), `INSERT INTO votes (approval_id, operator, name, agrees, source, confirmed)
		SELECT id, $1, 'Cleo Park', true, 'a message', 'totp' FROM approvals`, workspace.Cleo)
	must(t, err)
	_, err = r.pool.Exec(r.ctx(), `UPDATE approvals SET state = 'approved', confirm = ''`)
	must(t, err)
	_, err = r.pool.Exec(r.ctx(), `UPDATE steps SET state = 'approved' WHERE key = 'database'`)
	must(t, err)
	must(t, r.service.Freeze(r.ctx(), workspace.Bo, "a look"))
	must(t, r.service.Thaw(r.ctx(), workspace.Bo)) // has the run advanced
	r.read(r.ana, "Database: not applied", "the vote of Cleo Park is not signed by the bot")

	again := r.read(r.bo, "Database: approval needed")
	approves := func(code string, meanwhile func(*workspace.Form)) workspace.Outcome {
		r.press(r.bo, again, "Approve")
		form := r.reviewed(r.bo, "INSERT INTO", "page 1 of 1")
		meanwhile(form)
		_, err := form.Fill(r.ctx(), "Code from your authenticator app", code)
		must(t, err)
		return r.submit(form)
	}
	r.otherChange(approves, codeOfBo(-30*time.Second))
	if out := approves(codeOfBo(0), func(*workspace.Form) {}); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Database: done", "Approved by @Bo Lindqvist")
}

// enrolled gives somebody an app, and returns the codes that it shows.
func (r *botFixture) enrolled(factors *secondfactor.Factors, who string) (code func(after time.Duration) string) {
	r.t.Helper()
	address, err := factors.Enroll(r.ctx(), who, "onboardbot")
	must(r.t, err)
	parsed, err := url.Parse(address)
	must(r.t, err)
	return func(after time.Duration) string {
		code, err := totp.GenerateCode(parsed.Query().Get("secret"), time.Now().Add(after))
		must(r.t, err)
		return code
	}
}

// otherChange plays somebody who can write to the database and holds the bot's token, and has an
// approver give their code for another change than the one that they see.
func (r *botFixture) otherChange(
	approves func(code string, meanwhile func(*workspace.Form)) workspace.Outcome, code string,
) {
	r.t.Helper()
	exec := func(sql string, args ...any) {
		_, err := r.pool.Exec(r.ctx(), sql, args...)
		must(r.t, err)
	}
	exec(`CREATE TABLE kept AS SELECT id, change, digest FROM approvals WHERE state = 'open'`)
	out := approves(code, func(*workspace.Form) {
		exec(`UPDATE approvals SET change = '{"items":[],"summary":""}',
			digest = encode(sha256('{"items":[],"summary":""}'), 'hex') WHERE state = 'open'`)
	})
	if out.Modal == nil || !strings.Contains(out.Modal.Render(200, nil), "a change other than the one that is stored") {
		r.t.Errorf("a code for another change: %+v", out)
	}
	r.inTrail(workspace.Bo + " refused: the form showed another change than the one that is stored")
	exec(`UPDATE approvals SET change = kept.change, digest = kept.digest FROM kept WHERE kept.id = approvals.id`)
	out = approves("123456", func(form *workspace.Form) {
		view, err := form.Read(r.ctx())
		must(r.t, err)
		forged := slack.ModalViewRequest{Type: slack.VTModal, CallbackID: render.ViewConfirm,
			PrivateMetadata: view.PrivateMetadata, Title: blockkit.Plain(view.Title, 24),
			Submit: blockkit.Plain("Approve", 24), Blocks: slack.Blocks{BlockSet: []slack.Block{
				blockkit.Section("Correct a comment"), slack.NewInputBlock(refusal.BlockCode,
					blockkit.Plain("Code from your authenticator app", 100), nil,
					slack.NewPlainTextInputBlockElement(nil, refusal.ActionInput))}}}
		shown, err := r.thief().UpdateViewContext(r.ctx(), forged, "", "", form.ID)
		must(r.t, err)
		encoded, err := json.Marshal(shown.View)
		must(r.t, err)
		exec(`UPDATE slack_views SET shown = $2, sending = $2 WHERE view_id = $1`, form.ID, blockkit.Fingerprint(encoded))
	})
	if out.Modal == nil || !strings.Contains(out.Modal.Render(200, nil), "did not count") {
		r.t.Errorf("a code in a form that was changed: %+v", out)
	}
	r.inTrail(workspace.Bo + " forged_press: a view that was changed after the bot showed it")
}
