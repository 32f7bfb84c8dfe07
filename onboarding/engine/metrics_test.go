package engine_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestMetricsComeFromTheDatabase(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
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
# HELP onboarding_steps_ended_total How often steps came to an end, by kind and outcome.
# TYPE onboarding_steps_ended_total counter
onboarding_steps_ended_total{outcome="done",step="database"} 1
onboarding_steps_ended_total{outcome="done",step="preflight"} 1
`
	err := testutil.CollectAndCompare(h.Records.Collector(), strings.NewReader(want),
		"onboarding_approvals_waiting", "onboarding_frozen", "onboarding_runs", "onboarding_steps_ended_total")
	if err != nil {
		t.Error(err)
	}
}
