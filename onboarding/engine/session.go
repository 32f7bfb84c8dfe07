package engine

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Records are what the engine reads and writes of runs. The methods of [store.Statements] say what
// each does.
type Records interface {
	LoadRun(ctx context.Context, run uuid.UUID) (*onboarding.Run, error)
	EndRun(ctx context.Context, run *onboarding.Run) error
	SaveStep(ctx context.Context, run uuid.UUID, step *onboarding.Step) error
	SaveFacts(ctx context.Context, run *onboarding.Run, facts onboarding.Facts) error
	AddEvent(ctx context.Context, event onboarding.Event) error
	Frozen(ctx context.Context) (*onboarding.Freeze, error)

	LoadApproval(ctx context.Context, id uuid.UUID) (*onboarding.Approval, error)
	CurrentApproval(ctx context.Context, run uuid.UUID, step onboarding.Key) (*onboarding.Approval, error)
	Preapprovals(ctx context.Context, run uuid.UUID, step onboarding.Key) ([]*onboarding.Approval, error)
	DueApprovals(ctx context.Context, run uuid.UUID) ([]*onboarding.Approval, error)
	InsertApproval(ctx context.Context, approval *onboarding.Approval) error
	AskTogether(ctx context.Context, approval *onboarding.Approval) error
	SetApprovalState(ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState) error
	CloseApproval(ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState) error
	MarkReminded(ctx context.Context, approval uuid.UUID) (bool, error)
	MarkEscalated(ctx context.Context, approval uuid.UUID) (bool, error)

	InsertAttempt(ctx context.Context, attempt *onboarding.Attempt) error
	InterruptAttempts(ctx context.Context, run uuid.UUID, step onboarding.Key) (bool, error)
	Interruptions(ctx context.Context, approval uuid.UUID) ([]onboarding.Attempt, error)
	FinishAttempt(ctx context.Context, attempt *onboarding.Attempt, log string) error
	SaveProgress(ctx context.Context, attempt *onboarding.Attempt, log string) error
}

// Tx is a transaction that has locked a run.
type Tx interface {
	Records
	// Wake has a run advanced once the transaction commits, no sooner than at a time.
	Wake(ctx context.Context, run uuid.UUID, at time.Time) error
	// NotifyUndone shows the onboarding that a finished undo took back as undone.
	NotifyUndone(ctx context.Context, undo *onboarding.Run) error
}

// Session is a connection that holds locks. When it is lost, so are they, and nothing more can be
// written through it. It is for one goroutine at a time.
type Session interface {
	Records
	// ChangeRun locks a run, reads it, and changes it, all in one transaction. Whoever shows the
	// run learns of it once that commits.
	ChangeRun(ctx context.Context, run uuid.UUID, change func(tx Tx, run *onboarding.Run) error) error
	// HeadOf returns the newest entry of the audit chain about a run.
	HeadOf(ctx context.Context, run uuid.UUID) (audit.Head, error)

	// NextToken numbers the holders of a run, see [takeUp].
	NextToken(ctx context.Context, run uuid.UUID) (int64, error)
	StandingOf(ctx context.Context, run uuid.UUID) (store.Standing, error)

	TryLock(ctx context.Context, name locks.Name) (bool, error)
	LockWithin(ctx context.Context, name locks.Name, limit time.Duration) (bool, error)
	Holds(ctx context.Context, name locks.Name) (bool, error)
	Unlock(ctx context.Context, name locks.Name) error
	// WhoHolds returns the slug of the run for which a session holds a lock, empty if there is
	// none.
	WhoHolds(ctx context.Context, name locks.Name) (slug string, err error)
	// Close frees all locks.
	Close()
}

// Open opens a session.
type Open func(ctx context.Context) (Session, error)

// postgresSession is a session on the bot's own database.
type postgresSession struct {
	*locks.Session
	store.Statements
	engine *Engine
}

func (e *Engine) openPostgres(ctx context.Context) (Session, error) {
	session, err := locks.Open(ctx, e.pool)
	if err != nil {
		return nil, err
	}
	return postgresSession{session, store.On(session.Conn()), e}, nil
}

func (s postgresSession) ChangeRun(
	ctx context.Context, id uuid.UUID, change func(tx Tx, run *onboarding.Run) error,
) error {
	return store.ChangeRun(ctx, s.Conn(), id, func(tx pgx.Tx, run *onboarding.Run) error {
		if err := change(postgresTx{store.On(tx), tx, s.engine}, run); err != nil {
			return err
		}
		return s.engine.notifier.RunChanged(ctx, tx, id)
	})
}

// postgresTx is a transaction on the bot's own database.
type postgresTx struct {
	store.Statements
	tx     pgx.Tx
	engine *Engine
}

func (t postgresTx) Wake(ctx context.Context, run uuid.UUID, at time.Time) error {
	return t.engine.Wake(ctx, t.tx, run, at)
}

func (t postgresTx) NotifyUndone(ctx context.Context, undo *onboarding.Run) error {
	return store.NotifyUndone(ctx, t.tx, t.engine.notifier, undo)
}
