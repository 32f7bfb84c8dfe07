package commands

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/internal/routine"
)

const (
	// replyTimeout is how long an answer may take before another one leaves in its place. Slack
	// waits 3 s, and the way back and a busy machine need their share.
	replyTimeout = 1500 * time.Millisecond
	// lateTimeout bounds work that goes on after that.
	lateTimeout = 2 * time.Minute
)

// responder answers people, in time or later.
type responder struct {
	workspace *bot.Workspace
	gate      *access.Gate
	log       *slog.Logger
	// late counts the work that goes on after its acknowledgement.
	late sync.WaitGroup
	told notices
}

func newResponder(workspace *bot.Workspace, gate *access.Gate, log *slog.Logger) *responder {
	return &responder{workspace: workspace, gate: gate, log: log}
}

// drain waits until all late work has ended, or the context does.
func (r *responder) drain(ctx context.Context) {
	done := make(chan struct{})
	routine.Go(func() {
		r.late.Wait()
		close(done)
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// goLate does work that nobody waits for.
func (r *responder) goLate(ctx context.Context, work func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateTimeout)
	r.late.Go(routine.Contained(func() {
		defer cancel()
		work(ctx)
	}))
}

// replyWithin does some work and returns its result if that comes within [replyTimeout].
// Otherwise it returns false; the work goes on, and its result goes to late.
func replyWithin[T any](
	ctx context.Context, r *responder, work func(context.Context) T, late func(context.Context, T),
) (T, bool) {
	result := make(chan T)
	gone := make(chan struct{})
	r.goLate(ctx, func(ctx context.Context) {
		value := work(ctx)
		select {
		case result <- value:
		case <-gone:
			late(ctx, value)
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

// replyLater answers a command of an operator in an allowed channel. Work that takes longer than
// [replyTimeout] answers through the response URL, and the person reads the text for waiting at
// once.
func (r *responder) replyLater(
	ctx context.Context, command bot.Command, waiting string, work func(context.Context) post.Reply,
) (post.Reply, error) {
	checked := func(ctx context.Context) post.Reply {
		if !r.gate.AllowsChannel(command.Channel) {
			return post.Reply{Text: r.gate.Elsewhere()}
		}
		if err := r.gate.RequireOperator(ctx, command.Person); err != nil {
			return r.failure(ctx, err, "person", command.Person.ID)
		}
		return work(ctx)
	}
	reply, inTime := replyWithin(ctx, r, checked, func(ctx context.Context, reply post.Reply) {
		if reply.Text == "" {
			return
		}
		if err := r.workspace.Respond(ctx, command.ResponseURL, bot.Response{Reply: reply}); err != nil {
			r.log.ErrorContext(ctx, "an operator got no answer to a command", "error", err)
		}
	})
	if !inTime {
		return post.Reply{Text: mrkdwn.MarkBusy + " " + waiting}, nil
	}
	return reply, nil
}

// lateForms shows what came of a form whose handler outlasted its acknowledgement: where the form
// was, or in a direct message to those who closed it. What only closes a form needs no message.
func lateForms(origins *provenance, messages *messenger) bot.LateForms {
	show := func(ctx context.Context, form bot.Submission, answer bot.Answer) {
		text := answer.Text()
		view := answer.Late()
		if view == nil {
			view = new(mrkdwn.Ended(form.View, text))
		}
		form.View.Hash = "" // whatever it shows by now
		if err := origins.update(ctx, form.Press(), *view); err == nil || text == "" {
			return
		}
		err := messages.send(ctx, post.Message{Key: "late/" + form.View.ID + "/" + form.Envelope,
			Channel: form.Person.ID, Text: mrkdwn.Under(form.View, text)})
		if err != nil {
			origins.log.ErrorContext(ctx, "an operator got no answer to a form", "error", err)
		}
	}
	return bot.LateForms{Timeout: lateTimeout, Show: show,
		Waiting: func(form bot.Submission) bot.Answer { return bot.ReplaceView(mrkdwn.Waiting(form.View)) }}
}

// explain is an error as a sentence. An error that the person did not cause is logged here, once,
// under the name and the id of what it was about, and the sentence has the id.
func (r *responder) explain(ctx context.Context, err error, name, id string) string {
	text, expected := refusal.Text(err)
	if expected {
		return text
	}
	r.log.ErrorContext(ctx, "what an operator asked for failed", name, id, "error", err)
	if id == "" {
		return text
	}
	return strings.TrimSuffix(text, ".") + " for " + blockkit.Code(id) + "."
}

// sentForm is a form that somebody sent, the title of what takes its place, and what it is about.
type sentForm struct {
	bot.Submission
	title, name, id string
}

// refuse says what is wrong with a form: at its inputs where it can be corrected there, otherwise
// in its place. Without an error it closes the form.
func (r *responder) refuse(ctx context.Context, form sentForm, err error) bot.Answer {
	if err == nil {
		return bot.Answer{}
	}
	if fields := refusal.Fields(err, form.State); fields != nil {
		return bot.FieldErrors(fields)
	}
	return bot.ReplaceView(mrkdwn.Notice(form.title, r.explain(ctx, err, form.name, form.id)))
}

// failure is [responder.explain] as a reply.
func (r *responder) failure(ctx context.Context, err error, name, id string) post.Reply {
	return post.Reply{Text: r.explain(ctx, err, name, id)}
}

// tell answers a press with a sentence that only the person who pressed reads.
func (r *responder) tell(ctx context.Context, action bot.Action, text string) error {
	switch {
	case action.Channel != "":
		to := bot.Recipient{Channel: action.Channel, Thread: action.Thread, User: action.Person.ID}
		if !r.told.begin(to, text) {
			return nil
		}
		err := r.workspace.Ephemeral(ctx, to, post.Reply{Text: text})
		if err != nil {
			r.told.forget(to, text)
		}
		return err
	case inForm(action):
		_, err := r.workspace.StackView(ctx, action.TriggerID, mrkdwn.Notice("Onboarding", text))
		return err
	}
	_, err := r.workspace.OpenView(ctx, action.TriggerID, mrkdwn.Notice("Onboarding", text))
	return err
}

// answer tells a person what went wrong with a press. Without an error it does nothing, since the
// thread shows what the press did.
func (r *responder) answer(ctx context.Context, action bot.Action, err error) error {
	if err == nil {
		return nil
	}
	return r.tell(ctx, action, r.explain(ctx, err, action.ID, action.Value))
}

// replace puts a sentence in the place of the private message that was pressed in.
func (r *responder) replace(ctx context.Context, action bot.Action, text string) error {
	return r.workspace.Respond(ctx, action.ResponseURL, bot.Response{Reply: post.Reply{Text: text}, Replace: true})
}

// parseID reads the id that a button carries. For anything else it returns an id that nothing
// has.
func parseID(value string) uuid.UUID {
	id, err := uuid.Parse(value)
	if err != nil {
		return uuid.Nil
	}
	return id
}
