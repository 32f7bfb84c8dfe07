package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
	"github.com/atlilith/onboardbot/onboarding/engine"
	"github.com/atlilith/onboardbot/onboarding/store"
)

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

func (s *session) StandingOf(ctx context.Context, run uuid.UUID) (now store.Standing, err error) {
	err = s.on(ctx, run, func(r *record) error {
		now = store.Standing{Token: r.token, State: r.State, Now: time.Now()}
		return nil
	})
	return now, err
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
