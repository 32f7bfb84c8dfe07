package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// world stands in for everything outside: the runbook, what its steps observe and change, the
// platform, the repository, the directory of people, and the chat side that hears of changes.
type world struct {
	mu sync.Mutex
	// there has what exists, by slug and step.
	there map[string]bool
	// version is part of the change of a step, so the change can drift. parts are the items of a
	// step's change where it has more than one.
	version map[string]string
	parts   map[string][]string
	// proposed is the change that a step was last observed to need, and lastApplied the one whose
	// application began last. applied counts the applications.
	proposed, lastApplied map[string]onboarding.Change
	applied               map[string]int
	entered               chan string // the steps whose applications begin
	// observed counts the observations that began.
	observed map[string]int
	// broken fails the application of a step, unobservable its observation, forbidden the guard.
	broken, unobservable map[string]error
	forbidden            error
	// hold keeps the application of a step, and holdObserve its observation, until it is closed.
	hold, holdObserve map[string]chan struct{}
	// settled counts how often a step was settled, and holdSettle keeps that until it is closed.
	settled    map[string]int
	holdSettle map[string]chan struct{}
	late       map[string]int // how many observations after its application a step does not show yet
	waiting    map[string]string
	findings   map[string][]onboarding.Finding
	reopen     map[string][]onboarding.Key // while the first of them is not there
	// removed are the people who may do nothing any more. directoryAway says that nobody can be
	// looked up anew.
	removed       map[string]bool
	directoryAway bool
}

func newWorld() *world {
	return &world{
		there:        map[string]bool{},
		version:      map[string]string{},
		parts:        map[string][]string{},
		proposed:     map[string]onboarding.Change{},
		lastApplied:  map[string]onboarding.Change{},
		applied:      map[string]int{},
		entered:      make(chan string, 16),
		observed:     map[string]int{},
		broken:       map[string]error{},
		unobservable: map[string]error{},
		hold:         map[string]chan struct{}{},
		holdObserve:  map[string]chan struct{}{},
		settled:      map[string]int{},
		holdSettle:   map[string]chan struct{}{},
		late:         map[string]int{},
		waiting:      map[string]string{},
		findings:     map[string][]onboarding.Finding{},
		reopen:       map[string][]onboarding.Key{},
		removed:      map[string]bool{},
	}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) count(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.applied[key]
}

// Steps lists a check, steps that change something, and a last check.
func (w *world) Steps(request onboarding.Request) []onboarding.Definition {
	return []onboarding.Definition{
		{Key: "preflight", Title: "Preflight"},
		{Key: "database", Title: "Database", Destructive: true, After: []onboarding.Key{"preflight"}},
		{Key: "dns/a.example.com", Title: "DNS", Destructive: true, After: []onboarding.Key{"database"}},
		{Key: "dns/b.example.com", Title: "DNS", Destructive: true, After: []onboarding.Key{"database"}},
		{Key: "verify", Title: "Verify", After: []onboarding.Key{"dns/a.example.com", "dns/b.example.com"}},
	}
}

// UndoSteps takes the applied steps back in reverse.
func (w *world) UndoSteps(run *onboarding.Run) []onboarding.Definition {
	var definitions []onboarding.Definition
	for _, applied := range slices.Backward(run.Undoes.Applied) {
		definitions = append(definitions,
			onboarding.Definition{Key: "undo-" + applied.Step, Title: "Undo", Destructive: true})
	}
	return definitions
}

// RenewSteps renews, and brings home what that changed.
func (w *world) RenewSteps(run *onboarding.Run) []onboarding.Definition {
	renew := onboarding.Key("renew/" + run.Request.Domains[0].Name)
	return []onboarding.Definition{{Key: renew, Title: "Renew", Destructive: true},
		{Key: "sync/" + onboarding.Key(renew.Domain()), Title: "Sync", Destructive: true,
			After: []onboarding.Key{renew}}}
}

func (w *world) Observe(ctx context.Context, run *onboarding.Run, key onboarding.Key) (onboarding.Observation, error) {
	name := string(key)
	w.mu.Lock()
	w.observed[name]++
	hold := w.holdObserve[name]
	w.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return onboarding.Observation{}, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.unobservable[name]; err != nil {
		panicInstead(err)
		return onboarding.Observation{}, err
	}
	observation := onboarding.Observation{Findings: w.findings[name]}
	if text := w.waiting[name]; text != "" {
		observation.Waiting, observation.Again = text, time.Second
		return observation, nil
	}
	if gone := w.reopen[name]; len(gone) > 0 && !w.there[run.Request.Slug+"/"+string(gone[0])] {
		observation.Reopen = gone
		return observation, nil
	}
	there := w.there[run.Request.Slug+"/"+name]
	if there && w.late[name] > 0 {
		w.late[name]--
		there = false
	}
	if key.Kind() == "preflight" || key.Kind() == "verify" || there {
		observation.Facts = onboarding.Facts{onboarding.Fact("seen " + name): "yes"}
		return observation, nil
	}
	if done, undo := strings.CutPrefix(name, "undo-"); undo {
		if w.there[run.Request.Slug+"/"+done] {
			observation.Change = onboarding.Change{Summary: "unmake " + done,
				Items: []onboarding.Item{{Command: &onboarding.Command{Host: "vps", Argv: []string{"unmake", done}}}}}
			w.proposed[run.Request.Slug+"/"+name] = observation.Change
		}
		return observation, nil
	}
	parts := w.parts[name]
	if parts == nil {
		parts = []string{w.version[name]}
	}
	observation.Change.Summary = fmt.Sprintf("make %s in %d parts", name, len(parts))
	for _, part := range parts {
		observation.Change.Items = append(observation.Change.Items, onboarding.Item{
			Command: &onboarding.Command{Host: "vps",
				Argv: []string{"make", run.Request.Slug, name, part}, Lock: "all"}})
	}
	w.proposed[run.Request.Slug+"/"+name] = observation.Change
	return observation, nil
}

func (w *world) Authorize(onboarding.Authorization, onboarding.Item) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.forbidden
}

// ApplyItem begins an application with the first item of a change, and takes effect with the
// last: a command of the world says which it is.
func (w *world) ApplyItem(ctx context.Context, auth onboarding.Authorization, item onboarding.Item,
	log onboarding.Log) error {
	name := string(auth.Step)
	w.mu.Lock()
	change := w.proposed[auth.Run.Request.Slug+"/"+name]
	hold, err := w.hold[name], w.broken[name]
	first := slices.Equal(item.Command.Argv, change.Items[0].Command.Argv)
	last := slices.Equal(item.Command.Argv, change.Items[len(change.Items)-1].Command.Argv)
	if first {
		w.applied[name]++
		w.lastApplied[name] = change
	}
	w.mu.Unlock()
	if first {
		log.Line("making " + name)
		select {
		case w.entered <- name:
		default:
		}
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		panicInstead(err)
		return err
	}
	if last {
		w.set(func() {
			done, undo := strings.CutPrefix(name, "undo-")
			w.there[auth.Run.Request.Slug+"/"+done] = !undo
		})
	}
	return nil
}

// Settle waits while a step is held by its settle channel.
func (w *world) Settle(ctx context.Context, auth onboarding.Authorization, _ onboarding.Change,
	waiting func(string)) error {
	w.mu.Lock()
	hold := w.holdSettle[string(auth.Step)]
	w.settled[string(auth.Step)]++
	w.mu.Unlock()
	if hold == nil {
		return nil
	}
	waiting("Waiting: somebody else's command still runs.")
	select {
	case <-hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *world) Tenant(context.Context, string) (*onboarding.Tenant, error) { return nil, nil }
func (w *world) Org(_ context.Context, slug string) (*onboarding.Org, error) {
	if slug == "cocotte" {
		return &onboarding.Org{Slug: "cocotte", Name: "Cocotte"}, nil
	}
	return nil, nil
}
func (w *world) Orgs(context.Context, string, int) ([]onboarding.Org, error) { return nil, nil }
func (w *world) EmailTaken(_ context.Context, email string) (string, error) {
	if email == "quinn@example.com" {
		return "quinn", nil
	}
	return "", nil
}
func (w *world) Deployed(_ context.Context, domain string) (bool, error) {
	return domain == "cocotte.com", nil
}

// PermissionsNow is what somebody may do, without what the test took away meanwhile.
func (w *world) PermissionsNow(ctx context.Context, id string) (onboarding.Permissions, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.directoryAway {
		return onboarding.Permissions{}, errors.New("the directory is away")
	}
	if w.removed[id] {
		return onboarding.Permissions{Operator: onboarding.Operator{ID: id, Name: id}, Refused: "removed"}, nil
	}
	return w.Permissions(ctx, id)
}

// Permissions: ada asks, bob and eve approve, zoe stands in, otto only asks, mallory does nothing.
func (*world) Permissions(_ context.Context, id string) (onboarding.Permissions, error) {
	permissions := onboarding.Permissions{Operator: onboarding.Operator{ID: id, Name: id}, Operates: true}
	switch id {
	case "ada", "bob", "eve":
		permissions.Approves = true
	case "zoe":
		permissions.StandsIn = true
	case "otto":
		permissions.Refused = "otto is not on the list of approvers"
	case "nobody-answers":
		return onboarding.Permissions{}, errors.New("the directory is away")
	default:
		return onboarding.Permissions{Operator: onboarding.Operator{ID: id}, Refused: "a guest"}, nil
	}
	return permissions, nil
}

// RunChanged tells the tests, once the change is committed.
func (w *world) RunChanged(ctx context.Context, tx pgx.Tx, run uuid.UUID) error {
	_, err := tx.Exec(ctx, `SELECT pg_notify('run_changed', $1)`, run.String())
	return err
}
