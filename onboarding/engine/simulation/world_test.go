package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// world is everything outside: what the runbook observes and changes, and the directory of people.
// A change has parts, which are applied one after the other; each has a version that is wanted.
type world struct {
	*simulation
	mu      sync.Mutex
	things  map[string]*thing
	away    bool                 // the directory
	removed map[string]bool      // people who may do nothing
	allowed map[string]time.Time // when the directory last said that somebody may decide
}

// thing is what one step of one run is about.
type thing struct {
	want, have []int
	// touched says that somebody changed it by hand, so applying it again is no mistake.
	touched bool
	busy    time.Time // until when a command runs there
	token   int64     // the highest that it has seen
	applies int64     // that of the holder who applied something last
	waiting time.Time // until when something outside must happen
	hidden  time.Time // until when what was applied last does not show
	blind   bool      // it cannot be observed
	refuses bool      // the guard refuses its items
}

func (w *world) thing(run *onboarding.Run, key onboarding.Key) *thing {
	name := run.Request.Slug + "/" + string(key)
	found := w.things[name]
	if found == nil {
		parts := 1 + int(w.of(name).number(3))
		found = &thing{want: make([]int, parts), have: make([]int, parts)}
		for i := range found.want {
			found.want[i] = 1
		}
		w.things[name] = found
	}
	return found
}

// left is the change that is left to do.
func (t *thing) left(run *onboarding.Run, key onboarding.Key) (change onboarding.Change) {
	change.Summary = "make " + string(key)
	for i, want := range t.want {
		if t.have[i] != want {
			change.Items = append(change.Items, onboarding.Item{Command: &onboarding.Command{Host: "vps", Lock: "all",
				Argv: []string{"make", run.Request.Slug, string(key), strconv.Itoa(i), strconv.Itoa(want)}}})
		}
	}
	if len(change.Items) == 0 {
		return onboarding.Change{}
	}
	return change
}

func (w *world) Steps(onboarding.Request) []onboarding.Definition {
	after := func(keys ...onboarding.Key) []onboarding.Key { return keys }
	return []onboarding.Definition{
		{Key: "preflight"},
		{Key: "database", Destructive: true, After: after("preflight")},
		{Key: "dns/a.example.com", Destructive: true, After: after("database")},
		{Key: "dns/b.example.com", Destructive: true, After: after("database")},
		{Key: "verify", After: after("dns/a.example.com", "dns/b.example.com")},
	}
}

func (w *world) UndoSteps(*onboarding.Run) []onboarding.Definition  { return nil }
func (w *world) RenewSteps(*onboarding.Run) []onboarding.Definition { return nil }

func (w *world) Observe(ctx context.Context, run *onboarding.Run, key onboarding.Key) (onboarding.Observation, error) {
	var none onboarding.Observation
	chance := w.of(fmt.Sprintf("observations of %s of %s", key, run.Request.Slug))
	longest := 3 * time.Second
	if chance.faulty() {
		longest = 3 * time.Minute // longer than a step may take
	}
	if err := pause(ctx, chance.between(0, longest)); err != nil {
		return none, err
	}
	if err := w.idle(ctx, run, key); err != nil {
		return none, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	thing := w.thing(run, key)
	now := time.Now()
	switch {
	case thing.blind || chance.faulty():
		return none, errors.New("it cannot be observed")
	case now.Before(thing.waiting):
		return onboarding.Observation{Waiting: "something else", Again: chance.between(0, time.Minute)}, nil
	case now.Before(thing.hidden):
		stale := onboarding.Item{Command: &onboarding.Command{Host: "vps", Argv: []string{"not yet"}}}
		return onboarding.Observation{Change: onboarding.Change{Summary: "make " + string(key),
			Items: []onboarding.Item{stale}}}, nil
	case !slices.Contains([]onboarding.Kind{"preflight", "verify"}, key.Kind()):
		return onboarding.Observation{Change: thing.left(run, key)}, nil
	case chance.faulty():
		return onboarding.Observation{Findings: []onboarding.Finding{{Level: onboarding.Failed, Name: "a check"}}}, nil
	}
	return none, nil
}

// idle waits until no command runs, as the lock of a host makes everybody wait.
func (w *world) idle(ctx context.Context, run *onboarding.Run, key onboarding.Key) error {
	for {
		w.mu.Lock()
		left := time.Until(w.thing(run, key).busy)
		w.mu.Unlock()
		if left <= 0 {
			return nil
		}
		if err := pause(ctx, left); err != nil {
			return err
		}
	}
}

func (w *world) Authorize(auth onboarding.Authorization, _ onboarding.Item) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.thing(auth.Run, auth.Step).refuses {
		return errors.New("this step never does that")
	}
	return nil
}

func (w *world) Settle(
	ctx context.Context, auth onboarding.Authorization, _ onboarding.Change, waiting func(string),
) error {
	w.mu.Lock()
	thing := w.thing(auth.Run, auth.Step)
	thing.token = max(thing.token, auth.Holder.Token)
	w.mu.Unlock()
	waiting("Waiting for what still runs.")
	return w.idle(ctx, auth.Run, auth.Step)
}

// ApplyItem takes time, and has its effect at some moment of it. It may fail before or after that,
// or lose sight of the command.
func (w *world) ApplyItem(
	ctx context.Context, auth onboarding.Authorization, item onboarding.Item, log onboarding.Log,
) error {
	w.judge(auth, item)
	argv := item.Command.Argv
	chance := w.of("applications of " + argv[2] + " of " + argv[1])
	part, _ := strconv.Atoi(argv[3])
	version, _ := strconv.Atoi(argv[4])
	longest := 20 * time.Second
	if chance.faulty() {
		longest = 4 * time.Minute
	}
	took := chance.between(0, longest)
	effect := time.Duration(chance.number(int64(took) + 1))
	w.mu.Lock()
	thing := w.thing(auth.Run, auth.Step)
	if auth.Holder.Token < thing.token {
		w.mu.Unlock()
		return fmt.Errorf("the host has seen a later holder: %w", onboarding.ErrNotHolder)
	}
	thing.token, thing.applies = auth.Holder.Token, auth.Holder.Token
	if thing.have[part] == version && !thing.touched {
		w.violation("%s %v is applied, and it is there already", auth.Step, argv)
	}
	thing.busy = time.Now().Add(took)
	w.mu.Unlock()
	if chance.faulty() {
		took, effect = min(took, effect), time.Duration(-1) // it fails before its effect
	}
	log.Line("making " + argv[2])
	if effect >= 0 {
		w.background.Go(func() {
			time.Sleep(effect)
			w.mu.Lock()
			defer w.mu.Unlock()
			if thing.applies != auth.Holder.Token {
				w.violation("%s %v takes effect after a later holder has begun", auth.Step, argv)
			}
			thing.have[part] = version
			thing.hidden = time.Now().Add(chance.between(0, time.Second))
		})
	}
	if chance.faulty() {
		_ = pause(ctx, time.Duration(chance.number(int64(took)+1)))
		return fmt.Errorf("the connection is gone: %w", onboarding.ErrLost)
	}
	if err := pause(ctx, took); err != nil {
		return err
	}
	if effect < 0 || chance.faulty() {
		return errors.New("the command failed")
	}
	return nil
}

// judge compares an item that is about to be applied with what the database holds now.
func (w *world) judge(auth onboarding.Authorization, item onboarding.Item) {
	const slack = time.Minute // a check of the gate may be that old, since it looks people up after it
	w.database.mu.Lock()
	defer w.database.mu.Unlock()
	run := w.database.runs[auth.Run.ID]
	approval := run.approval(uuid.MustParse(auth.Approval))
	digest, err := approval.Change.Digest()
	if err != nil || approval.State != onboarding.ApprovalApproved || digest != auth.Digest ||
		approval.Step != auth.Step {
		w.violation("%s is applied while its approval is %s", auth.Step, approval.State)
	}
	if !slices.ContainsFunc(approval.Change.Items, func(approved onboarding.Item) bool {
		return slices.Equal(approved.Command.Argv, item.Command.Argv)
	}) {
		w.violation("%s %v is applied and was not approved", auth.Step, item.Command.Argv)
	}
	if run.token != auth.Holder.Token {
		w.violation("%s is applied by holder %d, and %d is the newest", auth.Step, auth.Holder.Token, run.token)
	}
	if run.State != onboarding.RunActive {
		w.violation("%s is applied in a run that is %s", auth.Step, run.State)
	}
	var attempt *onboarding.Attempt
	for _, one := range run.attempts {
		if one.Approval == approval.ID && one.Outcome == onboarding.OutcomeRunning {
			attempt = one
		}
	}
	if attempt == nil {
		w.violation("%s is applied without an attempt", auth.Step)
		return
	}
	interrupted := slices.ContainsFunc(run.attempts, func(one *onboarding.Attempt) bool {
		return one.Approval == approval.ID && one.Outcome == onboarding.OutcomeInterrupted
	})
	opens, ok := w.policy.Opens(run.Run, approval, attempt.Started.Add(-slack))
	if !interrupted && (!ok || opens.After(attempt.Started)) {
		w.violation("%s is applied outside its window", auth.Step)
	}
	if attempt.Started.After(w.policy.ValidUntil(approval).Add(slack)) {
		w.violation("%s is applied after its approval expired", auth.Step)
	}
	if frozen := w.database.freeze; frozen != nil && frozen.At.Before(attempt.Started.Add(-slack)) {
		w.violation("%s is applied although it was frozen before", auth.Step)
	}
	agreed := map[string]bool{}
	for _, vote := range approval.Votes {
		if vote.Agrees && vote.By.ID != run.Requester.ID && w.allowedSince(vote.By.ID, attempt.Started.Add(-slack)) {
			agreed[vote.By.ID] = true
		}
	}
	if len(agreed) < approval.Needs {
		w.violation("%s is applied with %d of %d votes that count", auth.Step, len(agreed), approval.Needs)
	}
}

func (w *world) allowedSince(who string, since time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.allowed[who].Before(since)
}

func (w *world) Permissions(ctx context.Context, id string) (onboarding.Permissions, error) {
	return w.PermissionsNow(ctx, id)
}

// PermissionsNow: ada asks, bob and eve approve, and zoe does once a request was escalated.
func (w *world) PermissionsNow(ctx context.Context, id string) (onboarding.Permissions, error) {
	longest := 100 * time.Millisecond
	chance := w.of("lookups of " + id)
	if chance.faulty() {
		longest = 40 * time.Second
	}
	if err := pause(ctx, chance.between(0, longest)); err != nil {
		return onboarding.Permissions{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	permissions := onboarding.Permissions{Operator: onboarding.Operator{ID: id, Name: id}}
	switch {
	case w.away:
		return permissions, errors.New("the directory is away")
	case w.removed[id]:
		permissions.Refused = "removed"
		return permissions, nil
	}
	w.allowed[id] = time.Now()
	permissions.Operates, permissions.Approves, permissions.StandsIn = true, id != "zoe", id == "zoe"
	return permissions, nil
}
