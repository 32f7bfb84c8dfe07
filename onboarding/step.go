package onboarding

import (
	"strings"
	"time"
)

// Key names a step within its run, such as "database" or "certificate/merche-biche.com".
type Key string

// Kind names a line of the runbook, such as "database" or "certificate". The runbook declares the
// kinds that there are.
type Kind string

// The kinds of steps that are told apart outside the runbook.
const (
	KindPreflight Kind = "preflight" // checks that a run can begin, and changes nothing
	KindVerify    Kind = "verify"    // makes the success checks of an onboarding
	KindDeploy    Kind = "deploy"    // runs the platform's own command
	KindSync      Kind = "sync"      // commits what a host has
)

// Kind is the line of the runbook that the step carries out: the key without its domain.
func (k Key) Kind() Kind {
	kind, _, _ := strings.Cut(string(k), "/")
	return Kind(kind)
}

// Domain is what the step is about, empty for those that are about the whole run.
func (k Key) Domain() string {
	_, domain, _ := strings.Cut(string(k), "/")
	return domain
}

// Definition is one line of the runbook for one run.
type Definition struct {
	Key   Key    `json:"key"`
	Title string `json:"title"`
	// Destructive steps change something outside the bot's own database: they wait for a second
	// operator.
	Destructive bool `json:"destructive"`
	// After are the steps that must be done before this one is observed.
	After []Key `json:"after"`
}

// Observation is what observing a step found out.
type Observation struct {
	// Change is what is left to do.
	Change Change
	// Waiting says, when not empty, what must happen outside the bot before the step can go on.
	// The step is observed again after Again.
	Waiting string
	Again   time.Duration
	// Later says, when not empty, what must be done before the change can be known. Only a plan
	// observes a step that early.
	Later string
	// Reopen are steps of which the observation found that their effect is gone. Those that are
	// done are observed again, with every step after them, before this one is.
	Reopen []Key
	// Findings are the checks that were made, for people. A failed one fails the step.
	Findings []Finding
	// Facts are what the run learned, such as the tenant's id, for the steps that follow.
	Facts Facts
}

// Level is how well a finding went.
type Level string

// The levels of a finding.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Failed  Level = "failed"
)

// Finding is one line of a table of checks.
type Finding struct {
	Level  Level  `json:"level"`
	Name   string `json:"name"`   // what was checked
	Detail string `json:"detail"` // what was seen
	Fix    string `json:"fix,omitempty"`
}

// Failure returns the first finding that failed, and whether there is one.
func (o Observation) Failure() (Finding, bool) {
	for _, finding := range o.Findings {
		if finding.Level == Failed {
			return finding, true
		}
	}
	return Finding{}, false
}
