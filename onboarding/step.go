package onboarding

import (
	"context"
	"strings"
	"time"
)

// Key names a step within its run, such as "database" or "certificate/merche-biche.com".
type Key string

// Kind is the line of the runbook that the step carries out: the key without its domain.
func (k Key) Kind() string {
	kind, _, _ := strings.Cut(string(k), "/")
	return kind
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
	// Destructive steps change something outside the bot's own database: they wait for a second operator.
	Destructive bool `json:"destructive"`
	// After are the steps that must be done before this one looks.
	After []Key `json:"after"`
}

// Runbook is what the steps know: which there are, what each would still have to do, and how to carry a change out.
type Runbook interface {
	// Steps lists the steps of a request in their order.
	Steps(Request) []Definition
	// UndoSteps lists the steps that take a run back, in their order. The run has its [Undoes].
	UndoSteps(run *Run) []Definition
	// RenewSteps lists the steps that renew the certificate of a run's one domain, in their order.
	RenewSteps(run *Run) []Definition
	// Observe answers what is left to do. It changes nothing and may be called at any time. That of a step which asks may begin beside the
	// last look of those before it: the run says that they are done then, and has no facts of that look yet.
	Observe(ctx context.Context, run *Run, key Key) (Observation, error)
	// Apply carries out exactly the change, item by item, writing what happens to the log.
	Apply(ctx context.Context, grant Authorization, change Change, log Log) error
}

// Observation is what a step saw.
type Observation struct {
	// Change is what is left to do.
	Change Change
	// Waiting says, when not empty, what must happen in the world before the step can go on; it looks again after Again.
	Waiting string
	Again   time.Duration
	// Later says, when not empty, what must be done first before the change can be known. Only a plan meets it.
	Later string
	// Findings are what was checked, for people. A failed one fails the step.
	Findings []Finding
	// Facts are what the run learned, such as the tenant's id, for the steps that follow.
	Facts map[string]string
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

// failed returns the first finding that failed.
func (l Observation) failed() (Finding, bool) {
	for _, finding := range l.Findings {
		if finding.Level == Failed {
			return finding, true
		}
	}
	return Finding{}, false
}

// Authorization is in whose name a change is carried out; it ends up in the trailers of commits.
type Authorization struct {
	Run       *Run
	Step      Key
	Approval  string
	Digest    Digest
	Approvers []Operator
}

// Log receives what a step does while it does it. It is safe for concurrent use.
type Log interface {
	Line(text string)
}
