package simulation

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// records are the statements about runs, on the copy of a transaction or on the database itself.
type records struct {
	*database
	session *session
	copied  *record // nil outside of a transaction
}

// on does something with the run of an id, or with that of an approval or attempt of the id.
func (r *records) on(ctx context.Context, id uuid.UUID, do func(*record) error) error {
	if err := r.session.statement(ctx); err != nil {
		return err
	}
	if r.copied != nil {
		return do(r.copied)
	}
	run := r.find(id)
	if run == nil {
		return onboarding.ErrNotFound
	}
	r.lock(run)
	defer r.unlock(run)
	r.mu.Lock()
	err := do(run)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	return r.session.answer()
}

func (r *records) find(id uuid.UUID) *record {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run := r.runs[id]; run != nil {
		return run
	}
	for _, run := range r.runs {
		if run.approval(id) != nil || run.attempt(id) != nil {
			return run
		}
	}
	return nil
}

func (r *records) LoadRun(ctx context.Context, id uuid.UUID) (run *onboarding.Run, err error) {
	err = r.on(ctx, id, func(rec *record) error {
		run = rec.Clone()
		return nil
	})
	return run, err
}

func (r *records) EndRun(ctx context.Context, run *onboarding.Run) error {
	return r.on(ctx, run.ID, func(rec *record) error {
		rec.State, rec.Ended = run.State, time.Now()
		return nil
	})
}

func (r *records) SaveStep(ctx context.Context, id uuid.UUID, step *onboarding.Step) error {
	return r.on(ctx, id, func(rec *record) error {
		saved := rec.Step(step.Key)
		saved.State, saved.Detail, saved.Due, saved.Changed = step.State, step.Detail, time.Time{}, time.Now()
		if step.State == onboarding.StepWaiting || step.State == onboarding.StepApproved {
			saved.Due = step.Due
		}
		return nil
	})
}

func (r *records) SaveFacts(ctx context.Context, run *onboarding.Run, facts onboarding.Facts) error {
	if len(facts) == 0 {
		return nil
	}
	return r.on(ctx, run.ID, func(*record) error { return nil })
}

func (r *records) AddEvent(ctx context.Context, event onboarding.Event) error {
	r.trace("%s %s %s", event.Kind, event.Step, event.Text)
	return r.session.statement(ctx)
}

func (r *records) Frozen(ctx context.Context) (*onboarding.Freeze, error) {
	if err := r.session.statement(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.freeze, nil
}

func (r *records) LoadApproval(ctx context.Context, id uuid.UUID) (found *onboarding.Approval, err error) {
	err = r.on(ctx, id, func(rec *record) error {
		found = copyApproval(rec.approval(id))
		return nil
	})
	return found, err
}

// approvals returns those of a run that a condition is true for, oldest first.
func (r *records) approvals(
	ctx context.Context, run uuid.UUID, wanted func(*record, *onboarding.Approval) bool,
) (found []*onboarding.Approval, err error) {
	err = r.on(ctx, run, func(rec *record) error {
		for _, approval := range rec.approvals {
			if wanted(rec, approval) {
				found = append(found, copyApproval(approval))
			}
		}
		return nil
	})
	slices.SortStableFunc(found, func(a, b *onboarding.Approval) int { return a.Asked.Compare(b.Asked) })
	return found, err
}

func (r *records) CurrentApproval(
	ctx context.Context, run uuid.UUID, step onboarding.Key,
) (*onboarding.Approval, error) {
	found, err := r.approvals(ctx, run, func(_ *record, a *onboarding.Approval) bool {
		return a.Step == step && (a.State == onboarding.ApprovalOpen || a.State == onboarding.ApprovalApproved)
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (r *records) Preapprovals(
	ctx context.Context, run uuid.UUID, step onboarding.Key,
) ([]*onboarding.Approval, error) {
	return r.approvals(ctx, run, func(_ *record, a *onboarding.Approval) bool {
		return a.Step == step && (a.State == onboarding.ApprovalAhead || a.State == onboarding.ApprovalAheadApproved)
	})
}

func (r *records) DueApprovals(ctx context.Context, run uuid.UUID) ([]*onboarding.Approval, error) {
	return r.approvals(ctx, run, func(rec *record, a *onboarding.Approval) bool {
		expired := !time.Now().Before(a.Expires)
		switch a.State {
		case onboarding.ApprovalOpen:
			return expired || a.Reminded.IsZero() && !time.Now().Before(a.Remind) || a.Escalated.IsZero() &&
				!a.Escalate.IsZero() && !time.Now().Before(a.Escalate)
		case onboarding.ApprovalApproved:
			return expired && rec.Step(a.Step).State == onboarding.StepApproved
		}
		return false
	})
}

func (r *records) InsertApproval(ctx context.Context, approval *onboarding.Approval) error {
	return r.on(ctx, approval.RunID, func(rec *record) error {
		for _, other := range rec.approvals {
			if other.Step == approval.Step &&
				(other.State == onboarding.ApprovalOpen || other.State == onboarding.ApprovalApproved) {
				r.violation("step %s has two current approvals", approval.Step)
			}
		}
		added := copyApproval(approval)
		added.Asked = time.Now()
		rec.approvals = append(rec.approvals, added)
		return nil
	})
}

// AskTogether changes only in which message a request stands.
func (r *records) AskTogether(context.Context, *onboarding.Approval) error { return nil }

func (r *records) SetApprovalState(
	ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState,
) error {
	approval.State = state
	return r.on(ctx, approval.RunID, func(rec *record) error {
		rec.approval(approval.ID).State = state
		return nil
	})
}

func (r *records) CloseApproval(
	ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState,
) error {
	approval.State = state
	return r.on(ctx, approval.RunID, func(rec *record) error {
		closed := rec.approval(approval.ID)
		if !closed.Closed.IsZero() {
			r.violation("the approval of %s is %s and becomes %s", closed.Step, closed.State, state)
		}
		closed.State, closed.Closed = state, time.Now()
		return nil
	})
}

func (r *records) MarkReminded(ctx context.Context, id uuid.UUID) (marked bool, err error) {
	err = r.on(ctx, id, func(rec *record) error {
		approval := rec.approval(id)
		marked = approval.Reminded.IsZero() && !time.Now().Before(approval.Remind)
		if marked {
			approval.Reminded = time.Now()
		}
		return nil
	})
	return marked, err
}

func (r *records) MarkEscalated(ctx context.Context, id uuid.UUID) (marked bool, err error) {
	err = r.on(ctx, id, func(rec *record) error {
		approval := rec.approval(id)
		marked = approval.Escalated.IsZero() && !approval.Escalate.IsZero() && !time.Now().Before(approval.Escalate)
		if marked {
			approval.Escalated = time.Now()
		}
		return nil
	})
	return marked, err
}

func (r *records) InsertAttempt(ctx context.Context, attempt *onboarding.Attempt) error {
	return r.on(ctx, attempt.RunID, func(rec *record) error {
		attempt.Started = time.Now()
		one := *attempt
		rec.attempts = append(rec.attempts, &one)
		return nil
	})
}

func (r *records) InterruptAttempts(ctx context.Context, run uuid.UUID, step onboarding.Key) (found bool, err error) {
	err = r.on(ctx, run, func(rec *record) error {
		for _, attempt := range rec.attempts {
			if attempt.Step == step && attempt.Outcome == onboarding.OutcomeRunning {
				attempt.Outcome, found = onboarding.OutcomeInterrupted, true
			}
		}
		return nil
	})
	return found, err
}

func (r *records) Interruptions(ctx context.Context, approval uuid.UUID) (found []onboarding.Attempt, err error) {
	err = r.on(ctx, approval, func(rec *record) error {
		for _, attempt := range rec.attempts {
			if attempt.Approval == approval && attempt.Outcome == onboarding.OutcomeInterrupted {
				found = append(found, *attempt)
			}
		}
		return nil
	})
	return found, err
}

func (r *records) FinishAttempt(ctx context.Context, attempt *onboarding.Attempt, _ string) error {
	return r.on(ctx, attempt.RunID, func(rec *record) error {
		if saved := rec.attempt(attempt.ID); saved.Outcome == onboarding.OutcomeRunning {
			saved.Outcome, saved.Error, saved.Finished = attempt.Outcome, attempt.Error, time.Now()
		}
		return nil
	})
}

func (r *records) SaveProgress(ctx context.Context, attempt *onboarding.Attempt, _ string) error {
	return r.on(ctx, attempt.RunID, func(*record) error { return nil })
}
