package commands_test

import (
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
)

// TestAViewOfWhichNoRecordIsLeft is a press in what Slack shows although its answer is lost, as
// when the bot is killed before it records it.
func TestAViewOfWhichNoRecordIsLeft(t *testing.T) {
	t.Parallel()
	review := func(r *botFixture) { r.press(r.bo, r.read(r.bo, "Onboarding Merche Biche"), "Review all") }
	for name, play := range map[string]struct {
		method string
		rule   onboarding.Rule
		// before is done while Slack answers, show has the bot call the method, and approve
		// presses in what Slack shows.
		before, show, approve func(r *botFixture)
	}{
		"a tab": {
			method:  "views.publish",
			show:    func(r *botFixture) { must(r.t, r.bo.OpenHome(r.ctx())) },
			approve: func(r *botFixture) { r.approveAtHome("Database for Merche Biche") },
		},
		"a tab that changed": {
			method: "views.publish",
			before: func(r *botFixture) { must(r.t, r.bo.OpenHome(r.ctx())); r.atHome("Approve") },
			show: func(r *botFixture) {
				form := r.open(r.ana, "ondine")
				r.fill(form, "Ondine", "ondine@example.com")
				r.submit(form)
			},
			approve: func(r *botFixture) { r.approveAtHome("Database for Ondine") },
		},
		"a form": {
			method:  "views.open",
			rule:    onboarding.Rule{Reason: true},
			show:    func(r *botFixture) { r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve") },
			approve: func(r *botFixture) { r.approveWith("Why?", "Seen with Merche") },
		},
		"a form above another": {
			method: "views.push",
			rule:   onboarding.Rule{Confirm: onboarding.ConfirmTOTP},
			before: func(r *botFixture) {
				r.codeOfBo()
				review(r)
			},
			show: func(r *botFixture) {
				_, err := r.reviewed(r.bo, "[Approve…]").Press(r.ctx(), "Approve…")
				must(r.t, err)
			},
			approve: func(r *botFixture) { r.approveWith("Code from your authenticator app", r.codeOfBo()) },
		},
		"a form that changed": {
			method: "views.update",
			show:   review,
			approve: func(r *botFixture) {
				form := r.reviewed(r.bo, "Approve · digest")
				_, err := form.Choose(r.ctx(), "Database", "Approve · digest "+r.run("merche-biche").Approvals[0].Digest.Short())
				must(r.t, err)
				r.submit(form)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newFixtureOf(t, size{runs: 10, connections: 25, key: sampleKey},
				func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
					play.rule.Approvers = 2
					domain.Rules = map[onboarding.Kind]onboarding.Rule{"database": play.rule}
				})
			r.begin("merche-biche")
			r.read(r.bo, "Database: approval needed")
			if play.before != nil {
				play.before(r)
			}
			must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultCut, Method: play.method, Times: 1000}))
			play.show(r)
			play.approve(r)
			r.voted()
			var forged int
			must(t, r.pool.QueryRow(t.Context(), `SELECT count(*) FROM events WHERE kind = $1`, onboarding.EventForged).
				Scan(&forged))
			if forged > 0 {
				t.Errorf("%d presses count as forged", forged)
			}
		})
	}
}

// codeOfBo returns a code of Bo's app.
func (r *botFixture) codeOfBo() string {
	r.t.Helper()
	factors, err := secondfactor.Open(r.pool, secondfactor.Config{Key: secret.New(sampleKey)})
	must(r.t, err)
	return r.enrolled(factors, workspace.Bo)(0)
}

// atHome waits until Bo's Home tab says something.
func (r *botFixture) atHome(text string) *workspace.Form {
	r.t.Helper()
	tab, err := r.bo.Home(r.ctx())
	must(r.t, err)
	_, err = tab.Wait(r.ctx(), func(m workspace.Modal) bool { return strings.Contains(m.Render(200, nil), text) })
	must(r.t, err)
	return tab
}

// approveAtHome approves a change in Bo's Home tab.
func (r *botFixture) approveAtHome(change string) {
	r.t.Helper()
	_, err := r.atHome(change).Press(r.ctx(), "Approve "+change)
	must(r.t, err)
}

// approveWith sends the form of an approval that Bo sees.
func (r *botFixture) approveWith(label, text string) {
	r.t.Helper()
	form := r.reviewed(r.bo, label)
	_, err := form.Fill(r.ctx(), label, text)
	must(r.t, err)
	r.submit(form)
}

// voted waits until somebody has voted.
func (r *botFixture) voted() {
	r.t.Helper()
	var votes int
	for deadline := time.Now().Add(waitTimeout); votes == 0; time.Sleep(5 * time.Millisecond) {
		must(r.t, r.pool.QueryRow(r.t.Context(), `SELECT count(*) FROM votes`).Scan(&votes))
		if time.Now().After(deadline) {
			r.t.Fatal("no vote counted")
		}
	}
}
