package onboarding

import (
	"context"
	"maps"

	"github.com/google/uuid"
)

// Plan is a dry run: for every step, what it would do now.
type Plan struct {
	Request Request
	Steps   []Planned
}

// Planned is one step of a plan. Exactly one of Change, Done, Later, Waiting and Problem says what would happen.
type Planned struct {
	Definition
	Change  Change
	Digest  Digest
	Done    bool
	Later   string // what must be done first before the change can be known
	Waiting string
	Problem string // why the step could not look
	// Findings are what was checked.
	Findings []Finding
}

// Plan looks at every step of a request and applies nothing. A request that cannot stand returns [Problems].
func (s *Service) Plan(ctx context.Context, request Request, operator string) (*Plan, error) {
	requester, err := s.operator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if err := s.Check(ctx, request); err != nil {
		return nil, err
	}
	// What the plan shows is what a run would show, but for the id that a new tenant would get.
	run := &Run{Kind: KindOnboard, Request: request, Requester: requester, State: RunActive, TenantID: uuid.New()}
	for _, definition := range s.Runbook.Steps(request) {
		run.Steps = append(run.Steps, Step{Definition: definition, State: StepPending})
	}
	return s.PlanRun(ctx, run), nil
}

// PlanRun looks at every step of a run that is under way and applies nothing.
func (s *Service) PlanRun(ctx context.Context, run *Run) *Plan {
	plan := &Plan{Request: run.Request}
	facts := map[string]string{}
	maps.Copy(facts, run.Facts)
	run.Facts = facts
	for i := range run.Steps {
		plan.Steps = append(plan.Steps, s.planStep(ctx, run, &run.Steps[i]))
	}
	return plan
}

func (s *Service) planStep(ctx context.Context, run *Run, step *Step) Planned {
	planned := Planned{Definition: step.Definition}
	if step.State == StepDone {
		planned.Done = true
		return planned
	}
	look, err := s.Runbook.Observe(ctx, run, step.Key)
	if err == nil {
		planned.Digest, err = look.Change.Digest()
	}
	if err != nil {
		planned.Problem = err.Error()
		return planned
	}
	maps.Copy(run.Facts, look.Facts)
	planned.Change, planned.Waiting, planned.Later, planned.Findings = look.Change, look.Waiting, look.Later, look.Findings
	if finding, bad := look.failed(); bad {
		planned.Problem = finding.Name + ": " + finding.Detail
	}
	planned.Done = look.Change.Empty() && look.Waiting == "" && look.Later == "" && planned.Problem == ""
	if planned.Done {
		step.State = StepDone
	}
	return planned
}
