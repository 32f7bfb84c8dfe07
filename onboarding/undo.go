package onboarding

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Undoes is what a run takes back: the changes that an onboarding applied, or may have.
type Undoes struct {
	// Run is the last run of the onboarding. Those that were cancelled before it are of the same one: each took up what was there.
	Run uuid.UUID
	// DeleteCertificates also deletes the certificates; otherwise they are kept, since issuing them again is rate-limited.
	DeleteCertificates bool
	// Applied are the changes of those runs of which an application was begun, oldest first. How far one came is for the step to
	// see.
	Applied []Applied
}

// Applied is a change of a step of which an application was begun.
type Applied struct {
	Step   Key
	Change Change
}

// closed is, in SQL, that an onboarding ended with the run of this name: it changed something and went live, or it was taken back.
const closed = `(closed.state = 'done' AND EXISTS (SELECT FROM attempts WHERE run_id = closed.id)
	OR EXISTS (SELECT FROM runs undo WHERE undo.undoes = closed.id AND undo.state = 'done'))`

// attemptsAt selects, in SQL, the ids of the runs of one onboarding by that of its last one, which is given as an expression.
func attemptsAt(last string) string {
	return `SELECT run.id FROM runs run, runs last
	WHERE last.id = ` + last + ` AND run.slug = last.slug AND run.kind = 'onboard' AND run.created_at <= last.created_at AND NOT EXISTS (
		SELECT FROM runs closed
		WHERE closed.slug = last.slug AND closed.kind = 'onboard' AND closed.created_at >= run.created_at AND closed.created_at < last.created_at AND ` + closed + `)`
}

// Undoable returns the last run of the newest onboarding of a slug that no undo took back, with the domains of its earlier attempts
// too. It returns [ErrNothing] where no run ever changed anything, and [ErrNotFound] where all of that is taken back.
func (s *Service) Undoable(ctx context.Context, slug string) (*Run, error) {
	const changed = `EXISTS (SELECT FROM attempts WHERE run_id = runs.id)`
	const ended = `slug = $1 AND kind = 'onboard' AND state <> 'active' AND ` + changed
	left, err := s.runsWhere(ctx, s.pool, ended+` AND NOT EXISTS (
		SELECT FROM runs done WHERE done.slug = $1 AND done.kind = 'undo' AND done.state = 'done' AND runs.id IN (`+attemptsAt("done.undoes")+`))
		ORDER BY created_at DESC LIMIT 1`, slug)
	if err != nil {
		return nil, err
	}
	if len(left) == 0 {
		ever, err := s.runsWhere(ctx, s.pool, ended+` LIMIT 1`, slug)
		if err == nil {
			err = ErrNotFound
			if len(ever) == 0 {
				err = ErrNothing
			}
		}
		return nil, fmt.Errorf("runs of %s: %w", slug, err)
	}
	attempts, err := s.runsWhere(ctx, s.pool, changed+` AND id IN (`+attemptsAt("$1")+`) ORDER BY created_at DESC`, left[0].ID)
	if err != nil {
		return nil, err
	}
	for _, attempt := range attempts {
		left[0].Request.adopt(attempt.Request.Domains)
	}
	return left[0], nil
}

// adopt takes on the domains that the request does not have.
func (r *Request) adopt(domains []Domain) {
	for _, domain := range domains {
		if !slices.ContainsFunc(r.Domains, func(own Domain) bool { return own.Name == domain.Name }) {
			r.Domains = append(r.Domains, domain)
		}
	}
}

// loadUndoes reads what a run takes back; it does nothing for a run of another kind.
func loadUndoes(ctx context.Context, q querier, run *Run) error {
	if run.Undoes == nil {
		return nil
	}
	approvals, err := approvalsWhere(ctx, q, `run_id IN (`+attemptsAt("$1")+`) AND EXISTS (SELECT FROM attempts WHERE approval_id = approvals.id)`, run.Undoes.Run)
	if err != nil {
		return fmt.Errorf("changes of run %s: %w", run.Undoes.Run, err)
	}
	for _, approval := range approvals {
		run.Undoes.Applied = append(run.Undoes.Applied, Applied{Step: approval.Step, Change: approval.Change})
	}
	return nil
}

// Undo begins a run that takes back what the newest onboarding of a slug did, in however many attempts, each compensating change
// asked for like any other. A run that is still active must be cancelled first ([ErrBusy]). It returns [ErrNotOperator], [ErrNotFound], or
// [ErrNothing] when nothing was applied.
func (s *Service) Undo(ctx context.Context, slug string, deleteCertificates bool, operator, channel, submission string) (*Run, error) {
	requester, err := s.operator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if run, err := s.bySubmission(ctx, submission); err != nil || run != nil {
		return run, err
	}
	latest, err := s.Latest(ctx, slug)
	if err != nil {
		return nil, err
	}
	if latest.State == RunActive {
		return nil, fmt.Errorf("the run of %s is active: %w", slug, ErrBusy)
	}
	undone, err := s.Undoable(ctx, slug)
	if err != nil {
		return nil, err
	}
	run := &Run{Kind: KindUndo, Request: undone.Request, Requester: requester, Channel: channel,
		TenantID: undone.TenantID, Facts: undone.Facts, Undoes: &Undoes{Run: undone.ID, DeleteCertificates: deleteCertificates}}
	if err := loadUndoes(ctx, s.pool, run); err != nil {
		return nil, err
	}
	if len(run.Undoes.Applied) == 0 {
		return nil, ErrNothing
	}
	run, err = s.begin(ctx, run, s.Runbook.UndoSteps(run), submission)
	if name := violates(err); name == "runs_one_active_per_slug" || name == "run_domains_one_active" {
		return nil, fmt.Errorf("another run of %s began meanwhile: %w", slug, ErrBusy)
	}
	return run, err
}
