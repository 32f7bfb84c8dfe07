package commands_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
)

// TestASecondFactor has a rule ask for codes. Whoever has a session of Slack and write access to the
// database, and no code, gets nothing applied.
func TestASecondFactor(t *testing.T) {
	t.Parallel()
	const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	r := newFixtureOf(t, size{runs: 10, connections: 25, key: key},
		func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
			domain.Rules = map[onboarding.Kind]onboarding.Rule{"database": {Confirm: onboarding.ConfirmTOTP}}
		})
	r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed", "A code of their authenticator app is required")
	r.press(r.bo, question, "Approve")
	r.readPrivate(r.bo, "the bot does not know yours", "onboardbot totp enroll -operator "+workspace.Bo)

	factors, err := secondfactor.Open(r.pool, secondfactor.Config{Key: secret.New(key)})
	must(t, err)
	enroll := func(who string) (code func() string) {
		address, err := factors.Enroll(t.Context(), who, "onboardbot")
		must(t, err)
		parsed, err := url.Parse(address)
		must(t, err)
		return func() string {
			code, err := totp.GenerateCode(parsed.Query().Get("secret"), time.Now())
			must(t, err)
			return code
		}
	}
	codeOfBo := enroll(workspace.Bo)
	enroll(workspace.Cleo)

	// Somebody with Cleo's session guesses.
	r.press(r.cleo, question, "Approve")
	guess, err := r.cleo.Modal(r.ctx())
	must(t, err)
	for try := range 5 {
		_, err = guess.Fill(r.ctx(), "Code of your authenticator app", "000000")
		must(t, err)
		want := map[int]string{3: "One try is left", 4: "You are locked out"}[try]
		if out := r.submit(guess); !strings.Contains(out.Errors["code"], want) || out.Errors["code"] == "" {
			t.Fatalf("try %d: %+v", try, out)
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
	r.press(r.bo, again, "Approve")
	form, err := r.bo.Modal(r.ctx())
	must(t, err)
	_, err = form.Fill(r.ctx(), "Code of your authenticator app", codeOfBo())
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Database: done", "Approved by @Bo Lindqvist")
	r.noRefusals()
}
