package runbook_test

import (
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestWholeRunbook(t *testing.T) {
	w := newFixture(t, nil)
	run := w.newRun(merche("merche-biche.com"))
	ahead := map[onboarding.Key]onboarding.Digest{}
	for i := range run.Steps {
		began := time.Now()
		observed := w.observe(run, run.Steps[i].Key)
		t.Logf("%-32s looked in %d ms", run.Steps[i].Key, time.Since(began).Milliseconds())
		if digest, err := observed.Change.Digest(); err == nil && observed.Later == "" {
			ahead[run.Steps[i].Key] = digest
		}
	}
	for i := range run.Steps {
		began := time.Now()
		change := w.do(run, run.Steps[i].Key)
		t.Logf("%-32s %5d ms  %s", run.Steps[i].Key, time.Since(began).Milliseconds(), change.Summary)
		digest, err := change.Digest()
		if known := ahead[run.Steps[i].Key]; err != nil || known != "" && known != digest {
			t.Errorf("%s: what was planned is not what was done", run.Steps[i].Key)
		}
	}
	again := w.newRun(run.Request)
	again.Created = run.Created
	for i := range again.Steps {
		if change := w.do(again, again.Steps[i].Key); !change.Empty() {
			t.Errorf("run again, %s wants: %+v", again.Steps[i].Key, change)
		}
	}
}
