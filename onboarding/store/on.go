package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
)

// On is a connection or a transaction with functions of this package as its methods, for those who
// declare as an interface what they need of it. Each method calls the function of its name.
type On struct{ DB DB }

func (o On) LoadRun(ctx context.Context, run uuid.UUID) (*onboarding.Run, error) {
	return LoadRun(ctx, o.DB, run)
}

func (o On) EndRun(ctx context.Context, run *onboarding.Run) error {
	return EndRun(ctx, o.DB, run)
}

func (o On) SaveStep(ctx context.Context, run uuid.UUID, step *onboarding.Step) error {
	return SaveStep(ctx, o.DB, run, step)
}

func (o On) SaveFacts(ctx context.Context, run *onboarding.Run, facts onboarding.Facts) error {
	return SaveFacts(ctx, o.DB, run, facts)
}

func (o On) AddEvent(ctx context.Context, event onboarding.Event) error {
	return AddEvent(ctx, o.DB, event)
}

func (o On) Frozen(ctx context.Context) (*onboarding.Freeze, error) {
	return Frozen(ctx, o.DB)
}

func (o On) LoadApproval(ctx context.Context, id uuid.UUID) (*onboarding.Approval, error) {
	return LoadApproval(ctx, o.DB, id)
}

func (o On) CurrentApproval(ctx context.Context, run uuid.UUID, step onboarding.Key) (*onboarding.Approval, error) {
	return CurrentApproval(ctx, o.DB, run, step)
}

func (o On) Preapprovals(ctx context.Context, run uuid.UUID, step onboarding.Key) ([]*onboarding.Approval, error) {
	return Preapprovals(ctx, o.DB, run, step)
}

func (o On) DueApprovals(ctx context.Context, run uuid.UUID) ([]*onboarding.Approval, error) {
	return DueApprovals(ctx, o.DB, run)
}

func (o On) InsertApproval(ctx context.Context, approval *onboarding.Approval) error {
	return InsertApproval(ctx, o.DB, approval)
}

func (o On) AskTogether(ctx context.Context, approval *onboarding.Approval) error {
	return AskTogether(ctx, o.DB, approval)
}

func (o On) SetApprovalState(
	ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState,
) error {
	return SetApprovalState(ctx, o.DB, approval, state)
}

func (o On) CloseApproval(ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState) error {
	return CloseApproval(ctx, o.DB, approval, state)
}

func (o On) MarkReminded(ctx context.Context, approval uuid.UUID) (bool, error) {
	return MarkReminded(ctx, o.DB, approval)
}

func (o On) MarkEscalated(ctx context.Context, approval uuid.UUID) (bool, error) {
	return MarkEscalated(ctx, o.DB, approval)
}

func (o On) InsertAttempt(ctx context.Context, attempt *onboarding.Attempt) error {
	return InsertAttempt(ctx, o.DB, attempt)
}

func (o On) InterruptAttempts(ctx context.Context, run uuid.UUID, step onboarding.Key) (bool, error) {
	return InterruptAttempts(ctx, o.DB, run, step)
}

func (o On) Interruptions(ctx context.Context, approval uuid.UUID) ([]onboarding.Attempt, error) {
	return Interruptions(ctx, o.DB, approval)
}

func (o On) FinishAttempt(ctx context.Context, attempt *onboarding.Attempt, log string) error {
	return FinishAttempt(ctx, o.DB, attempt, log)
}

func (o On) SaveProgress(ctx context.Context, attempt *onboarding.Attempt, log string) error {
	return SaveProgress(ctx, o.DB, attempt, log)
}

func (o On) HeadOf(ctx context.Context, run uuid.UUID) (audit.Head, error) {
	return HeadOf(ctx, o.DB, run)
}

func (o On) NextToken(ctx context.Context, run uuid.UUID) (int64, error) {
	return NextToken(ctx, o.DB, run)
}

func (o On) StandingOf(ctx context.Context, run uuid.UUID) (Standing, error) {
	return StandingOf(ctx, o.DB, run)
}

func (o On) WhoHolds(ctx context.Context, name locks.Name) (string, error) {
	return WhoHolds(ctx, o.DB, name)
}
