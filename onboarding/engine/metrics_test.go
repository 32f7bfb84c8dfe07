package engine_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

func TestMetricsComeFromTheDatabase(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	metrics := h.Records.Collector()
	ended := h.begin("cocotte-two")
	h.asked(ended, "database")
	if problems, err := testutil.CollectAndLint(metrics); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	if err := h.Cancel(t.Context(), ended, "ada"); err != nil {
		t.Fatal(err)
	}
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	h.asked(id, "dns/a.example.com")
	h.asked(id, "dns/b.example.com")
	want := `
# HELP onboarding_approvals_waiting Approvals that nobody has decided yet.
# TYPE onboarding_approvals_waiting gauge
onboarding_approvals_waiting 2
# HELP onboarding_frozen 1 while a freeze holds destructive steps.
# TYPE onboarding_frozen gauge
onboarding_frozen 0
# HELP onboarding_runs Runs by kind and state.
# TYPE onboarding_runs gauge
onboarding_runs{kind="onboard",state="active"} 1
onboarding_runs{kind="onboard",state="cancelled"} 1
# HELP onboarding_steps_ended_total How often steps came to an end, by kind and outcome.
# TYPE onboarding_steps_ended_total counter
onboarding_steps_ended_total{outcome="done",step="database"} 1
onboarding_steps_ended_total{outcome="done",step="preflight"} 2
`
	compare := func(name string, metrics *store.Collector) {
		t.Helper()
		err := testutil.CollectAndCompare(metrics, strings.NewReader(want),
			"onboarding_approvals_waiting", "onboarding_frozen", "onboarding_runs", "onboarding_steps_ended_total")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if decided := testutil.CollectAndCount(metrics, "onboarding_approval_decision_seconds"); decided != 1 {
			t.Errorf("%s: %d outcomes of decisions", name, decided)
		}
	}
	compare("since before", metrics)
	compare("again", metrics)
	compare("from the beginning", h.Records.Collector())
	// A database that was restored to an earlier time has other entries.
	h.exec(`DROP TABLE chain CASCADE`)
	h.exec(`CREATE TABLE chain AS SELECT 1::bigint AS seq, 'event' AS kind, sha256('other') AS hash,
		'{"kind": "failed", "step": "dns/c.example.com", "took": 0}' AS record`)
	if steps := testutil.CollectAndCount(metrics, "onboarding_steps_ended_total"); steps != 1 {
		t.Errorf("%d kinds of steps ended in another database", steps)
	}
}
