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
	// ApplyItem carries out exactly one item, writing what happens to the log. It returns
	// [ErrTargetChanged], [ErrNotHolder] or [ErrLost] in these cases.
	ApplyItem(ctx context.Context, auth Authorization, item Item, log Log) error
	// Settle comes before a change is observed whose application was interrupted. It has the
	// targets refuse what earlier holders of the run would still begin, and returns when nothing
	// that they began runs any more. Waiting is told what it waits for, in a sentence.
	Settle(ctx context.Context, auth Authorization, change Change, waiting func(string)) error
}

// Authorization is in whose name a change is carried out. It ends up in the trailers of commits.
type Authorization struct {
	Run       *Run
	Step      Key
	Approval  string
	Digest    Digest
	Approvers []Operator
	Holder    Holder
}

// Holder is the process that advances a run. Each that takes a run over has a higher number than
// those before, and targets refuse a lower one than they have seen. A process that was cut off or
// frozen therefore changes nothing once another one goes on.
type Holder struct {
	Token int64
	// Confirm returns [ErrNotHolder] if this is no longer the newest holder. A target that cannot
	// compare numbers has it asked immediately before the effect.
	Confirm func(context.Context) error
}

// Log receives what a step does while it does it. It is safe for concurrent use.
type Log interface {
	Line(text string)
}
