package onboarding

// Plan is a dry run: for every step, what it would do now.
type Plan struct {
	Request Request
	Steps   []Planned
}

// Planned is one step of a plan. Exactly one of Change, Done, Later, Waiting and Problem says
// what would happen.
type Planned struct {
	Definition
	Change  Change
	Digest  Digest
	Done    bool
	Later   string // what must be done first before the change can be known
	Waiting string
	Problem string // why the step could not be observed
	// Findings are the checks that were made.
	Findings []Finding
}

// Preapproval is a step whose turn has not come, for somebody who reviews the whole run at once.
type Preapproval struct {
	Planned
	// Approval can be decided now. It is nil where there is nothing to decide: the step is done,
	// its change cannot be known yet, or the step could not be observed.
	Approval *Approval
}
