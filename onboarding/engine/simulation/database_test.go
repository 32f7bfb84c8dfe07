package simulation

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
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
