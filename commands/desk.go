package commands

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
)

// Handlers is where operators are served: it answers what they type and press.
type Handlers struct {
	*Projector
	workspace *bot.Workspace
	reports   Reports
	log       *slog.Logger

	// late counts what goes on after its acknowledgement has left.
	late sync.WaitGroup
}

// New returns a desk. [Handlers.Register] puts it to work, [Handlers.Drain] waits for what it still does at the end.
func New(renderer *Projector, workspace *bot.Workspace, reports Reports, log *slog.Logger) (*Handlers, error) {
	if err := reports.validate(); err != nil {
		return nil, err
	}
	return &Handlers{Projector: renderer, workspace: workspace, reports: reports, log: log.With("part", "commands")}, nil
}

// Register tells the router what the desk answers.
func (d *Handlers) Register(router *bot.Router) {
	router.Command(d.config.Command, d.onboard)
	d.registerForm(router)
	d.registerDecisions(router)
	d.registerSteering(router)
	d.registerReview(router)
	router.Event("app_home_opened", d.homeOpened)
}

// Drain waits until everything that went on after its acknowledgement has ended, or the context does.
func (d *Handlers) Drain(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		d.late.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

const (
	// patience is how long an answer may take before another one leaves in its place. Slack waits 3 s, and what comes behind the
	// answer (the way back, a busy machine) needs its share.
	patience = 1500 * time.Millisecond
	// lateTimeout bounds what goes on after that.
	lateTimeout = 2 * time.Minute
)

// soon does some work and returns its result if that comes in time. Otherwise it returns false at once; the work goes on, and
// its result goes to late.
func soon[T any](ctx context.Context, d *Handlers, work func(context.Context) T, late func(context.Context, T)) (T, bool) {
	working, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateTimeout)
	result := make(chan T)
	gone := make(chan struct{})
	d.late.Go(func() {
		defer cancel()
		// Nobody else recovers on this goroutine, and one person's command must not end the process for all.
		defer func() {
			if cause := recover(); cause != nil {
				d.log.ErrorContext(working, "a handler panicked", "panic", cause, "stack", string(debug.Stack()))
			}
		}()
		value := work(working)
		select {
		case result <- value:
		case <-gone:
			late(working, value)
		}
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case value := <-result:
		return value, true
	case <-timer.C:
	case <-ctx.Done():
	}
	close(gone)
	var none T
	return none, false
}

// own refuses people of other workspaces. What Slack leaves out is looked up later, with the rest about the person.
func (d *Handlers) own(ctx context.Context, person bot.Person) error {
	self, err := d.workspace.Identity(ctx)
	if err != nil {
		return err
	}
	// An organisation's id (E…) is no workspace's; who belongs to it is looked up as well.
	if strings.HasPrefix(person.Team, "T") && person.Team != self.Team {
		return errForeign
	}
	return nil
}

// operator refuses whoever may do nothing here.
func (d *Handlers) operator(ctx context.Context, person bot.Person) error {
	if err := d.own(ctx, person); err != nil {
		return err
	}
	_, err := d.service.Operator(ctx, person.ID)
	return err
}

// explain is the sentence of an error. What is not the person's doing is logged here, once, under the name and id of what it
// was about, and the sentence says the id.
func (d *Handlers) explain(ctx context.Context, err error, name, id string) string {
	text, expected := sentence(err)
	if expected {
		return text
	}
	d.log.ErrorContext(ctx, "an operator was not served", name, id, "error", err)
	if id == "" {
		return text
	}
	return strings.TrimSuffix(text, ".") + " for " + blockkit.Code(id) + "."
}

// tell answers a press with a sentence that only the person who pressed reads.
func (d *Handlers) tell(ctx context.Context, action bot.Action, mrkdwn string) error {
	switch {
	case action.Channel != "":
		return d.workspace.Ephemeral(ctx, action.Channel, action.Thread, action.Person.ID, bot.Reply{Text: mrkdwn})
	case action.View != nil && action.View.Type == "modal":
		_, err := d.workspace.StackView(ctx, action.TriggerID, notice("Onboarding", mrkdwn))
		return err
	}
	_, err := d.workspace.OpenView(ctx, action.TriggerID, notice("Onboarding", mrkdwn))
	return err
}

// answer tells the person what came of a press: nothing when all went well, since the thread shows it.
func (d *Handlers) answer(ctx context.Context, action bot.Action, err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(d.tell(ctx, action, d.explain(ctx, err, action.ID, action.Value)))
}
