package onboarding

import "context"

// Runbook is what the steps know: which there are, and what each would still have to do. It
// changes nothing.
type Runbook interface {
	// Steps lists the steps of a request in their order.
	Steps(Request) []Definition
	// UndoSteps lists the steps that take a run back, in their order. The run has its [Undoes].
	UndoSteps(run *Run) []Definition
	// RenewSteps lists the steps that renew the certificate of a run's one domain, in their
	// order.
	RenewSteps(run *Run) []Definition
	// Observe answers what is left to do. It changes nothing and may be called at any time. A
	// step that asks for approval may be observed while the last observation of the steps before
	// it is still under way: the run then says that those are done, and has no facts from that
	// observation yet.
	Observe(ctx context.Context, run *Run, key Key) (Observation, error)
}

// Applier carries changes out. The engine's gate alone calls it.
type Applier interface {
	// Authorize judges whether the step may ever do what the item says. It looks at nothing
	// outside the process, and trusts neither the observation that proposed the item nor those
	// who approved it.
	Authorize(auth Authorization, item Item) error
	// ApplyItem carries out exactly one item, writing what happens to the log.
	ApplyItem(ctx context.Context, auth Authorization, item Item, log Log) error
}

// Authorization is in whose name a change is carried out. It ends up in the trailers of commits.
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
