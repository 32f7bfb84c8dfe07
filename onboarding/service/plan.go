package service

import (
	"context"
	"maps"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// Plan observes every step of a request and applies nothing. An invalid request returns
// [onboarding.Problems].
func (s *Service) Plan(ctx context.Context, request onboarding.Request, operator string) (*onboarding.Plan, error) {
	requester, err := s.Operator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if err := s.Check(ctx, request); err != nil {
		return nil, err
	}
	// What the plan shows is what a run would show, but for the id that a new tenant would get.
	run := &onboarding.Run{Kind: onboarding.KindOnboard, Request: request, Requester: requester,
		State: onboarding.RunActive, TenantID: uuid.New(), Steps: pending(s.deps.Runbook.Steps(request))}
	return s.PlanRun(ctx, run), nil
}

// PlanRun observes every step of a run in progress and applies nothing. A run that ended is
// planned as if it began now, so the plan shows how what is there differs from what the run made.
// The run is not changed.
func (s *Service) PlanRun(ctx context.Context, run *onboarding.Run) *onboarding.Plan {
	plan := &onboarding.Plan{Request: run.Request}
	run = run.Clone()
	if run.State != onboarding.RunActive {
		run.State, run.Steps = onboarding.RunActive, pending(s.deps.Runbook.Steps(run.Request))
	}
	if run.Facts == nil {
		run.Facts = onboarding.Facts{}
	}
	for i := range run.Steps {
		plan.Steps = append(plan.Steps, planStep(ctx, s.deps.Runbook, run, &run.Steps[i]))
	}
	return plan
}

// planStep observes one step, and adds its facts to the run for the steps that follow.
func planStep(
	ctx context.Context, runbook onboarding.Runbook, run *onboarding.Run, step *onboarding.Step,
) onboarding.Planned {
	planned := onboarding.Planned{Definition: step.Definition}
	if step.State == onboarding.StepDone {
		planned.Done = true
		return planned
	}
	observed, err := runbook.Observe(ctx, run, step.Key)
	if err == nil {
		planned.Digest, err = observed.Change.Digest()
	}
	if err != nil {
		planned.Problem = err.Error()
		return planned
	}
	maps.Copy(run.Facts, observed.Facts)
	planned.Change, planned.Waiting, planned.Later = observed.Change, observed.Waiting, observed.Later
	planned.Findings = observed.Findings
	if finding, failed := observed.Failure(); failed {
		planned.Problem = finding.Name + ": " + finding.Detail
	}
	planned.Done = planned.Change.Empty() && planned.Waiting == "" && planned.Later == "" && planned.Problem == ""
	if planned.Done {
		step.State = onboarding.StepDone
	}
	return planned
}
