package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
	"github.com/atlilith/onboardbot/onboarding/engine"
)

var (
	errBroken = errors.New("the connection to the database is broken")
	errAway   = errors.New("the database is away")
)

// database keeps runs in memory. Statements take time and connections break, before or after what
// they were told to do; a transaction takes effect as a whole or not at all.
type database struct {
	*simulation
	mu     sync.Mutex
	runs   map[uuid.UUID]*record
	freeze *onboarding.Freeze
	held   map[string]*session
	open   map[*session]bool
}

// record is a run with all that belongs to it.
type record struct {
	*onboarding.Run
	approvals []*onboarding.Approval
	attempts  []*onboarding.Attempt
	token     int64
	locked    bool // by a transaction
}

func (r *record) clone() *record {
	copied := &record{Run: r.Clone(), token: r.token}
	for _, approval := range r.approvals {
		copied.approvals = append(copied.approvals, copyApproval(approval))
	}
	for _, attempt := range r.attempts {
		one := *attempt
		copied.attempts = append(copied.attempts, &one)
	}
	return copied
}

func copyApproval(approval *onboarding.Approval) *onboarding.Approval {
	one := *approval
	one.Votes = slices.Clone(approval.Votes)
	return &one
}

func (r *record) approval(id uuid.UUID) *onboarding.Approval {
	for _, approval := range r.approvals {
		if approval.ID == id {
			return approval
		}
	}
	return nil
}

func (r *record) attempt(id uuid.UUID) *onboarding.Attempt {
	for _, attempt := range r.attempts {
		if attempt.ID == id {
			return attempt
		}
	}
	return nil
}

// lock waits until no transaction has the run locked, and locks it.
func (d *database) lock(run *record) {
	for {
		d.mu.Lock()
		if !run.locked {
			run.locked = true
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		time.Sleep(d.of("locks of "+run.ID.String()).between(time.Millisecond, 5*time.Millisecond))
	}
}

func (d *database) unlock(run *record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	run.locked = false
}

// change is a transaction of somebody whose connection does not break.
func (d *database) change(id uuid.UUID, change func(run *record)) {
	d.mu.Lock()
	run := d.runs[id]
	d.mu.Unlock()
	d.lock(run)
	d.mu.Lock()
	change(run)
	run.locked = false
	d.mu.Unlock()
	d.jobs.add(id, time.Now())
}

// session is one connection of a replica.
type session struct {
	records
	chances
	replica int
	broken  bool // for the replica
}

// openFor returns how a replica opens sessions.
func (d *database) openFor(replica int) engine.Open {
	return func(ctx context.Context) (engine.Session, error) {
		chances := d.of(fmt.Sprintf("connections of replica %d", replica))
		if err := pause(ctx, chances.between(0, 3*time.Millisecond)); err != nil {
			return nil, err
		}
		if chances.faulty() {
			return nil, errAway
		}
		s := &session{replica: replica, chances: d.of(fmt.Sprintf("connection %d", chances.number(1<<62)))}
		s.records = records{database: d, session: s}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.open[s] = true
		return s, nil
	}
}

// lose breaks a connection. The server may notice at once or some time later; until then it holds
// the session's locks.
func (d *database) lose(s *session) {
	d.mu.Lock()
	s.broken = true
	d.mu.Unlock()
	if s.chance(0.5) {
		d.free(s)
		return
	}
	late := s.between(0, 20*time.Second)
	d.background.Go(func() {
		time.Sleep(late)
		d.free(s)
	})
}

// free is the end of a connection on the server's side.
func (d *database) free(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.broken = true
	delete(d.open, s)
	for name, holder := range d.held {
		if holder == s {
			delete(d.held, name)
		}
	}
}

// kill breaks all connections of a replica.
func (d *database) kill(replica int) {
	d.mu.Lock()
	var lost []*session
	for s := range d.open {
		if s.replica == replica {
			lost = append(lost, s)
		}
	}
	d.mu.Unlock()
	for _, s := range lost {
		d.free(s)
	}
}

// statement is what every statement goes through: time, and perhaps a connection that breaks.
func (s *session) statement(ctx context.Context) error {
	if s.isBroken() {
		return errBroken
	}
	longest := 2 * time.Millisecond
	if s.faulty() {
		longest = 6 * time.Second
	}
	if err := pause(ctx, s.between(time.Microsecond, longest)); err != nil {
		s.lose(s) // as pgx does when a statement is cancelled
		return err
	}
	if !s.isBroken() && s.faulty() {
		s.lose(s)
	}
	if s.isBroken() {
		return errBroken
	}
	return nil
}

// answer is the answer to a statement that took effect. It may be lost.
func (s *session) answer() error {
	if s.faulty() {
		s.lose(s)
		return errBroken
	}
	return nil
}

func (s *session) isBroken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *session) Close() { s.free(s) }

func (s *session) TryLock(ctx context.Context, name locks.Name) (bool, error) {
	if err := s.statement(ctx); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if holder := s.held[name.String()]; holder != nil && holder != s {
		return false, nil
	}
	s.held[name.String()] = s
	return true, nil
}

func (s *session) LockWithin(ctx context.Context, name locks.Name, limit time.Duration) (bool, error) {
	if locked, err := s.TryLock(ctx, name); err != nil || locked {
		return locked, err
	}
	if err := pause(ctx, limit); err != nil {
		s.lose(s)
		return false, err
	}
	return s.TryLock(ctx, name)
}

func (s *session) Holds(ctx context.Context, name locks.Name) (bool, error) {
	if err := s.statement(ctx); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[name.String()] == s, nil
}

func (s *session) Unlock(_ context.Context, name locks.Name) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[name.String()] == s {
		delete(s.held, name.String())
	}
	return nil
}

func (s *session) WhoHolds(ctx context.Context, _ locks.Name) (string, error) {
	return "", s.statement(ctx)
}

func (s *session) HeadOf(ctx context.Context, _ uuid.UUID) (audit.Head, error) {
	return audit.Head{}, s.statement(ctx)
}

func (s *session) NextToken(ctx context.Context, run uuid.UUID) (token int64, err error) {
	err = s.on(ctx, run, func(r *record) error {
		r.token++
		token = r.token
		return nil
	})
	return token, err
}

func (s *session) FencingToken(ctx context.Context, run uuid.UUID) (token int64, err error) {
	err = s.on(ctx, run, func(r *record) error {
		token = r.token
		return nil
	})
	return token, err
}

// ChangeRun works on a copy, which replaces the run when the transaction commits.
func (s *session) ChangeRun(
	ctx context.Context, id uuid.UUID, change func(tx engine.Tx, run *onboarding.Run) error,
) error {
	if err := s.statement(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	original := s.runs[id]
	s.mu.Unlock()
	s.lock(original)
	defer s.unlock(original)
	s.mu.Lock()
	tx := &transaction{records: records{database: s.database, session: s, copied: original.clone()}}
	s.mu.Unlock()
	if err := change(tx, tx.copied.Run.Clone()); err != nil {
		return err
	}
	if err := s.statement(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	token := original.token
	*original = *tx.copied
	original.token, original.locked = token, true
	s.mu.Unlock()
	for _, at := range tx.wakeups {
		s.jobs.add(id, at)
	}
	return s.answer()
}

// transaction is one that has not committed yet.
type transaction struct {
	records
	wakeups []time.Time
}

func (t *transaction) Wake(ctx context.Context, _ uuid.UUID, at time.Time) error {
	t.wakeups = append(t.wakeups, at)
	return t.session.statement(ctx)
}

func (t *transaction) NotifyUndone(ctx context.Context, _ *onboarding.Run) error {
	return t.session.statement(ctx)
}

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

func (r *records) RunState(ctx context.Context, id uuid.UUID) (state onboarding.RunState, now time.Time, err error) {
	err = r.on(ctx, id, func(rec *record) error {
		state = rec.State
		return nil
	})
	return state, time.Now(), err
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

func (r *records) Interruptions(ctx context.Context, approval uuid.UUID) (count int, err error) {
	err = r.on(ctx, approval, func(rec *record) error {
		for _, attempt := range rec.attempts {
			if attempt.Approval == approval && attempt.Outcome == onboarding.OutcomeInterrupted {
				count++
			}
		}
		return nil
	})
	return count, err
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

// jobs are what has a run advanced, as River has them: one that fails comes back.
type jobs struct {
	mu      sync.Mutex
	list    []*job
	changed chan struct{}
}

type job struct {
	run         uuid.UUID
	at, created time.Time
	attempt     int
	running     bool
}

func (j *jobs) add(run uuid.UUID, at time.Time) {
	j.mu.Lock()
	j.list = append(j.list, &job{run: run, at: at, created: time.Now()})
	j.mu.Unlock()
	j.wake()
}

// wake has whoever waits for the next job look again.
func (j *jobs) wake() {
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

// next returns the job that is due first and not running, nil if there is none.
func (j *jobs) next() *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	var first *job
	for _, job := range j.list {
		if !job.running && (first == nil || job.at.Before(first.at)) {
			first = job
		}
	}
	return first
}

// within reports whether a job of a run is running, or due before a time.
func (j *jobs) within(run uuid.UUID, until time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.list, func(job *job) bool {
		return job.run == run && (job.running || job.at.Before(until))
	})
}

func (j *jobs) done(done *job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = slices.DeleteFunc(j.list, func(job *job) bool { return job == done })
}

// again has a job worked again at a time.
func (j *jobs) again(job *job, at time.Time) {
	j.mu.Lock()
	job.running, job.at = false, at
	j.mu.Unlock()
	j.wake()
}
