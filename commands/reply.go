package commands

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
)

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
	// replyTimeout is how long an answer may take before another one leaves in its place. Slack waits 3 s, and what comes behind the
	// answer (the way back, a busy machine) needs its share.
	replyTimeout = 1500 * time.Millisecond
	// lateTimeout bounds what goes on after that.
	lateTimeout = 2 * time.Minute
)

// replyWithin does some work and returns its result if that comes in time. Otherwise it returns false at once; the work goes on, and
// its result goes to late.
func replyWithin[T any](ctx context.Context, d *Handlers, work func(context.Context) T, late func(context.Context, T)) (T, bool) {
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
	timer := time.NewTimer(replyTimeout)
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

// explain is the sentence of an error. What is not the person's doing is logged here, once, under the name and id of what it
// was about, and the sentence says the id.
func (d *Handlers) explain(ctx context.Context, err error, name, id string) string {
	text, expected := render.ErrorText(err)
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
func (d *Handlers) tell(ctx context.Context, action bot.Action, text string) error {
	switch {
	case action.Channel != "":
		return d.workspace.Ephemeral(ctx, bot.Recipient{Channel: action.Channel, Thread: action.Thread, User: action.Person.ID}, bot.Reply{Text: text})
	case action.View != nil && action.View.Type == "modal":
		_, err := d.workspace.StackView(ctx, action.TriggerID, mrkdwn.Notice("Onboarding", text))
		return err
	}
	_, err := d.workspace.OpenView(ctx, action.TriggerID, mrkdwn.Notice("Onboarding", text))
	return err
}

// answer tells the person what came of a press: nothing when all went well, since the thread shows it.
func (d *Handlers) answer(ctx context.Context, action bot.Action, err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(d.tell(ctx, action, d.explain(ctx, err, action.ID, action.Value)))
}

// replace puts a sentence in the place of a private message that was pressed in.
func (d *Handlers) replace(ctx context.Context, action bot.Action, text string) error {
	return d.workspace.Respond(ctx, action.ResponseURL, bot.Response{Reply: bot.Reply{Text: text}, Replace: true})
}
