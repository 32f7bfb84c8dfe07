package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// advanceArgs is the job that takes a run as far as it goes by itself.
type advanceArgs struct {
	RunID uuid.UUID `json:"run_id"`
}

func (advanceArgs) Kind() string { return "onboarding_advance" }

// Queue is the River queue of the jobs that advance runs. Such a job holds a connection and may take as long as a deployment:
// it has a queue of its own, so that nothing that people wait for stands behind it.
const Queue = "runs"

// InsertOpts allows many attempts: the job has no side effect that its steps do not guard, and a database that is away for
// a while must not end a run.
func (advanceArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 100, Queue: Queue}
}

// AddWorkers registers the jobs that advance runs.
func (s *Service) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &advanceWorker{service: s})
}

type advanceWorker struct {
	river.WorkerDefaults[advanceArgs]
	service *Service
}

func (w *advanceWorker) Timeout(*river.Job[advanceArgs]) time.Duration { return JobTimeout }

// NextRetry keeps a run from standing still for long after a passing failure of the database.
func (w *advanceWorker) NextRetry(job *river.Job[advanceArgs]) time.Time {
	return time.Now().Add(min(time.Duration(job.Attempt)*time.Second, 30*time.Second))
}

// A job looks again at a run that another one is advancing. That one takes up by itself what came meanwhile, but for what comes in
// the moment in which it ends: so the first looks are close together, and those during an hour of waiting are not.
const (
	heldLeast = 200 * time.Millisecond
	heldMost  = 5 * time.Second
)

func (w *advanceWorker) Work(ctx context.Context, job *river.Job[advanceArgs]) error {
	err := w.service.advance(ctx, job.Args.RunID)
	switch {
	case errors.Is(err, errHeld):
		w.service.nudge(job.Args.RunID)
		return river.JobSnooze(min(max(time.Since(job.CreatedAt), heldLeast), heldMost))
	case errors.Is(err, ErrNotFound):
		return river.JobCancel(err)
	}
	return err
}

var errHeld = errors.New("the run is being advanced elsewhere")

// runLock is the name of the advisory lock under which a run is advanced.
func runLock(id uuid.UUID) string { return "onboardbot/run/" + id.String() }

// advance takes a run as far as it goes by itself. Everything it writes goes through the one connection that holds the
// run's session-level advisory lock: should that session end, the lock is free for another process and this one can write
// nothing more.
func (s *Service) advance(ctx context.Context, id uuid.UUID) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connection for run %s: %w", id, err)
	}
	defer conn.Release()
	var got bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, runLock(id)).Scan(&got); err != nil {
		return fmt.Errorf("lock of run %s: %w", id, err)
	}
	if !got {
		return errHeld
	}
	defer releaseLocks(ctx, conn)
	ctx, stop := context.WithCancel(ctx)
	drive := &driver{Service: s, conn: conn, lookout: newLookout()}
	s.driven.Store(id, drive.news)
	defer func() {
		s.driven.Delete(id)
		stop()
		drive.looks.Wait()
	}()
	for {
		more, err := drive.once(ctx, id)
		if err != nil {
			return fmt.Errorf("run %s: %w", id, err)
		}
		if !more {
			return nil
		}
	}
}

// releaseLocks frees every lock of a session. A connection on which that fails is closed, which frees them as well.
func releaseLocks(ctx context.Context, conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`); err != nil {
		_ = conn.Conn().Close(ctx)
	}
}

// driver advances one run while it holds the run's lock.
type driver struct {
	*Service
	conn   *pgxpool.Conn
	freeze *Freeze // holds what is approved, nil when nothing does
	*lookout
}

// change is [Service.change] on the connection that holds the lock; nothing wakes the engine, which is awake.
func (d *driver) change(ctx context.Context, id uuid.UUID, apply func(tx pgx.Tx, run *Run) error) error {
	return pgx.BeginFunc(ctx, d.conn, func(tx pgx.Tx) error {
		run, err := lockRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := apply(tx, run); err != nil {
			return err
		}
		return d.Audience.RunChanged(ctx, tx, id)
	})
}

// once does the next thing there is to do and reports whether there may be more.
func (d *driver) once(ctx context.Context, id uuid.UUID) (bool, error) {
	run, err := loadRun(ctx, d.conn, id)
	if err != nil || run.State != RunActive {
		return false, err
	}
	if err := d.keepTime(ctx, run); err != nil {
		return false, err
	}
	if d.freeze, err = frozen(ctx, d.conn); err != nil {
		return false, err
	}
	d.hear(run)
	d.lookOut(ctx, run)
	look, until := d.next(run)
	if look != nil {
		return true, d.learn(ctx, run, look)
	}
	for i := range run.Steps {
		if step := &run.Steps[i]; run.ready(step) && (step.State == StepApplying || step.State == StepApproved && d.freeze == nil) {
			return true, d.settle(ctx, run, step)
		}
	}
	if run.finished() {
		return false, d.finish(ctx, run)
	}
	if len(d.pending) > 0 {
		return true, d.await(ctx, until)
	}
	return false, nil
}

func (d *driver) finish(ctx context.Context, run *Run) error {
	return d.change(ctx, run.ID, func(tx pgx.Tx, run *Run) error {
		if run.State != RunActive || !run.finished() {
			return nil
		}
		if err := endRun(ctx, tx, run, RunDone, Operator{}); err != nil {
			return err
		}
		d.log.InfoContext(ctx, "run done", "run", run.ID, "slug", run.Request.Slug)
		return addEvent(ctx, tx, Event{RunID: run.ID, Kind: EventFinished, Took: time.Since(run.Created)})
	})
}

// keepTime reminds of the run's approvals that soon expire, and expires those that nobody decided.
func (d *driver) keepTime(ctx context.Context, run *Run) error {
	const due = `run_id = $1 AND state = 'open' AND (expires_at <= clock_timestamp()
		OR remind_at <= clock_timestamp() AND reminded_at IS NULL OR escalate_at <= clock_timestamp() AND escalated_at IS NULL)`
	approvals, err := approvalsWhere(ctx, d.conn, due, run.ID)
	if err != nil || len(approvals) == 0 {
		return err
	}
	return d.change(ctx, run.ID, func(tx pgx.Tx, fresh *Run) error {
		*run = *fresh
		approvals, err := approvalsWhere(ctx, tx, due, run.ID)
		if err != nil {
			return err
		}
		for _, approval := range approvals {
			if err := d.tick(ctx, tx, run, approval); err != nil {
				return err
			}
		}
		return nil
	})
}

// tick does what time alone asks for: an approval expires, or the second group or the approvers hear of it again.
func (d *driver) tick(ctx context.Context, tx pgx.Tx, run *Run, approval *Approval) error {
	event := Event{RunID: run.ID, Step: approval.Step, Approval: approval.ID, Digest: approval.Digest}
	if !time.Now().Before(approval.Expires) {
		if err := closeApproval(ctx, tx, approval, ApprovalExpired); err != nil {
			return err
		}
		step := run.Step(approval.Step)
		step.State, step.Detail = StepExpired, "Nobody decided within "+d.config.ApprovalLife.String()+"."
		if err := saveStep(ctx, tx, run, step); err != nil {
			return err
		}
		event.Kind = EventExpired
		return addEvent(ctx, tx, event)
	}
	for _, due := range []struct {
		column string
		kind   EventKind
	}{{"remind", EventReminded}, {"escalate", EventEscalated}} {
		tag, err := tx.Exec(ctx, fmt.Sprintf(`UPDATE approvals SET %[2]s_at = clock_timestamp() WHERE id = $1 AND %[1]s_at <= clock_timestamp() AND %[2]s_at IS NULL`,
			due.column, due.kind), approval.ID)
		if err != nil {
			return fmt.Errorf("approval %s: %w", approval.ID, err)
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		event.Kind = due.kind
		if err := addEvent(ctx, tx, event); err != nil {
			return err
		}
	}
	return nil
}
