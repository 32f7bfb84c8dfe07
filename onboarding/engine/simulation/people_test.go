package simulation

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// act does one thing that people do, or that happens to the world or to a replica.
func (s *simulation) act() {
	actions := []func(){
		s.decide, s.decide, s.decide, s.decide, s.retry, s.retry, s.checkNow, s.review, s.touch, s.drift,
		s.toggleFreeze, s.toggleDirectory, s.togglePerson, s.toggleThing, s.kill, s.stop, s.cancel, s.applyNow,
	}
	actions[s.number(int64(len(actions)))]()
}

// anyRun returns one of the runs.
func (s *simulation) anyRun() uuid.UUID { return s.ids[s.number(int64(len(s.ids)))] }

// decide has somebody vote on an approval that can be decided, as the service does.
func (s *simulation) decide() {
	by := []string{"ada", "bob", "eve", "zoe"}[s.number(4)]
	agrees := s.chance(0.9)
	permissions, err := s.world.PermissionsNow(context.Background(), by)
	if err != nil {
		return
	}
	s.database.change(s.anyRun(), func(run *record) {
		for _, approval := range run.approvals {
			if permissions.MayDecideOn(approval, run.Run, time.Now()) == nil &&
				approval.DecidableBy(by, run.Run, time.Now()) == nil {
				s.vote(run, approval, onboarding.Vote{By: permissions.Operator, Agrees: agrees, Source: "a message",
					At: time.Now()})
				return
			}
		}
	})
}

// vote casts a vote, as the service does.
func (s *simulation) vote(run *record, approval *onboarding.Approval, vote onboarding.Vote) {
	step := run.Step(approval.Step)
	ahead := approval.State == onboarding.ApprovalAhead || approval.State == onboarding.ApprovalAheadApproved
	if !ahead && step.State != onboarding.StepAsking {
		s.violation("the approval of %s is %s, and its step is %s", step.Key, approval.State, step.State)
		return
	}
	s.trace("%s votes %t on %s", vote.By.ID, vote.Agrees, step.Key)
	if vote.Agrees {
		opens, ok := s.policy.Opens(run.Run, approval, vote.At)
		if s.chance(0.1) && s.policy.HasWindows(run.Run, approval) {
			opens, ok = s.policy.NextWindow(run.Run, approval, vote.At)
		}
		if ok && opens.After(vote.At) {
			vote.NotBefore = opens
		}
	}
	approval.Votes = append(approval.Votes, vote)
	switch {
	case !vote.Agrees:
		approval.State, approval.Closed = onboarding.ApprovalRejected, time.Now()
		if !ahead {
			step.State, step.Changed = onboarding.StepRejected, time.Now()
		}
	case len(approval.Approvers()) < approval.Needs:
	case ahead:
		approval.State = onboarding.ApprovalAheadApproved
	default:
		approval.State = onboarding.ApprovalApproved
		step.State, step.Changed = onboarding.StepApproved, time.Now()
	}
}

// applyNow has a change applied that waits for its window, as the service does.
func (s *simulation) applyNow() {
	s.database.change(s.anyRun(), func(run *record) {
		for _, approval := range run.approvals {
			step := run.Step(approval.Step)
			if approval.State == onboarding.ApprovalApproved && step.State == onboarding.StepApproved &&
				!step.Due.IsZero() {
				s.trace("apply %s now", step.Key)
				approval.ApplyNow, step.Changed = &onboarding.ApplyNow{}, time.Now()
			}
		}
	})
}

// observeAgain has the steps that are in some state observed again, as Retry and Check now do.
func (s *simulation) observeAgain(id uuid.UUID, wanted func(onboarding.StepState) bool) {
	s.database.change(id, func(run *record) {
		for i := range run.Steps {
			step := &run.Steps[i]
			if run.State != onboarding.RunActive || !wanted(step.State) {
				continue
			}
			s.trace("retry %s", step.Key)
			step.State, step.Detail, step.Changed, step.Due = onboarding.StepPending, "", time.Now(), time.Time{}
			for _, approval := range run.approvals {
				if approval.Step == step.Key && approval.State == onboarding.ApprovalApproved {
					step.State = onboarding.StepApproved
				}
			}
		}
	})
}

func (s *simulation) retry() { s.observeAgain(s.anyRun(), onboarding.StepState.Stuck) }

func (s *simulation) checkNow() {
	s.observeAgain(s.anyRun(), func(state onboarding.StepState) bool { return state == onboarding.StepWaiting })
}

// review puts a change before its step's turn, as Review all does.
func (s *simulation) review() {
	s.database.change(s.anyRun(), func(run *record) {
		s.world.mu.Lock()
		defer s.world.mu.Unlock()
		for i := range run.Steps {
			step := &run.Steps[i]
			change := s.world.thing(run.Run, step.Key).left(run.Run, step.Key)
			waits := step.State == onboarding.StepPending || step.State == onboarding.StepWaiting
			if !step.Destructive || !waits || change.Empty() || run.State != onboarding.RunActive {
				continue
			}
			approval, err := s.policy.NewApproval(run.Run, step.Key, change, time.Now())
			if err != nil {
				s.violation("review: %v", err)
				return
			}
			approval.State, approval.Asked = onboarding.ApprovalAhead, time.Now()
			run.approvals = append(run.approvals, approval)
			return
		}
	})
}

// cancel ends a run, seldom, as the service does.
func (s *simulation) cancel() {
	if !s.chance(0.1) {
		return
	}
	s.database.change(s.anyRun(), func(run *record) {
		for i := range run.Steps {
			if run.State != onboarding.RunActive || run.Steps[i].State == onboarding.StepApplying {
				return
			}
		}
		s.trace("cancel")
		run.State, run.Ended = onboarding.RunCancelled, time.Now()
		for _, approval := range run.approvals {
			if approval.State == onboarding.ApprovalOpen || approval.State == onboarding.ApprovalApproved {
				approval.State, approval.Closed = onboarding.ApprovalWithdrawn, time.Now()
			}
		}
	})
}

// anyThing changes something of what a step is about.
func (s *simulation) anyThing(change func(*thing)) {
	s.database.change(s.anyRun(), func(run *record) {
		s.world.mu.Lock()
		defer s.world.mu.Unlock()
		change(s.world.thing(run.Run, run.Steps[s.number(int64(len(run.Steps)))].Key))
	})
}

// touch has somebody do or undo by hand what a step does.
func (s *simulation) touch() {
	s.anyThing(func(t *thing) {
		part := s.number(int64(len(t.have)))
		t.touched = true
		t.have[part] = t.want[part] - int(s.number(2))
		s.trace("touched")
	})
}

// drift has another change be wanted.
func (s *simulation) drift() {
	s.anyThing(func(t *thing) {
		t.want[s.number(int64(len(t.want)))]++
		s.trace("drift")
	})
}

func (s *simulation) toggleThing() {
	s.anyThing(func(t *thing) {
		switch s.number(3) {
		case 0:
			t.blind = !t.blind
		case 1:
			t.refuses = !t.refuses
		case 2:
			t.waiting = time.Now().Add(s.between(0, time.Hour))
		}
	})
}

func (s *simulation) toggleFreeze() {
	s.database.mu.Lock()
	if s.database.freeze == nil {
		s.database.freeze = &onboarding.Freeze{Reason: "an incident", At: time.Now()}
	} else {
		s.database.freeze = nil
	}
	s.trace("frozen %t", s.database.freeze != nil)
	s.database.mu.Unlock()
	for _, id := range s.ids {
		s.jobs.add(id, time.Now())
	}
}

func (s *simulation) toggleDirectory() {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.world.away = !s.world.away
}

func (s *simulation) togglePerson() {
	who := []string{"bob", "eve"}[s.number(2)]
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.world.removed[who] = !s.world.removed[who]
}

// kill ends all connections of a replica, whose work goes on until it notices.
func (s *simulation) kill() { s.database.kill(int(s.number(replicas))) }

// stop tells a replica to stop what it does, as at the end of the process.
func (s *simulation) stop() { s.replicas[s.number(replicas)].stop() }

// heal ends everything that is wrong.
func (s *simulation) heal() {
	s.trace("healed")
	s.mu.Lock()
	s.faults = 0
	s.mu.Unlock()
	s.world.mu.Lock()
	s.world.away = false
	clear(s.world.removed)
	for _, thing := range s.world.things {
		thing.blind, thing.refuses, thing.waiting = false, false, time.Time{}
	}
	s.world.mu.Unlock()
	s.database.mu.Lock()
	frozen := s.database.freeze != nil
	s.database.mu.Unlock()
	if frozen {
		s.toggleFreeze()
	}
}

// help does what is left for people to do in a run: approve and retry.
func (s *simulation) help(id uuid.UUID) {
	s.observeAgain(id, onboarding.StepState.Stuck)
	for _, by := range []string{"bob", "eve"} {
		permissions, err := s.world.PermissionsNow(context.Background(), by)
		if err != nil {
			s.violation("the directory of a healed world: %v", err)
			return
		}
		s.database.change(id, func(run *record) {
			for _, approval := range run.approvals {
				if approval.DecidableBy(by, run.Run, time.Now()) == nil {
					s.vote(run, approval, onboarding.Vote{By: permissions.Operator, Agrees: true, Source: "a message",
						At: time.Now()})
				}
			}
		})
	}
}
