package commands

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// provenance refuses decisions that were given in something that the bot did not deliver. Whoever
// holds the bot's token can post a message with the button of an approval, or change the text above
// it; what was pressed there says nothing about what the person agreed to.
type provenance struct {
	pool    *pgxpool.Pool
	outbox  *outbox.Outbox
	home    *home.Tabs
	service *service.Service
	// acceptChanged is [bot.Config.AcceptChanged].
	acceptChanged bool
	log           *slog.Logger
}

// refusedPress says why a press did not count.
type refusedPress string

func (e refusedPress) Error() string { return string(e) }

// Mrkdwn is the sentence for the person who pressed.
func (e refusedPress) Mrkdwn() string { return string(e) }

const (
	errForgedPress = refusedPress("Your press did not count: what you pressed in is not what I delivered. " +
		"Somebody may be using my token. The approval request is posted again in the run's thread.")
	errUnknownForm = refusedPress("Your decision did not count, because this form is too old. Close it, and open it " +
		"again from the approval request.")
	errOutdatedPress = refusedPress("Your press did not count, because the message changed at the same moment. " +
		"Read it and press again.")
	errUnverifiedPress = refusedPress("Your press did not count, because the message is from an earlier release. " +
		"It has just been renewed: press again.")
)

// require returns an error for the person unless they pressed in what the bot delivered. A forged
// message is recorded in the audit trail, and everybody reads about it in the run's thread.
func (p *provenance) require(ctx context.Context, action bot.Action, approval uuid.UUID) error {
	key, from, err := p.origin(ctx, action)
	if err == nil && from == outbox.Unverified {
		if inForm(action) {
			return errUnknownForm
		}
		// Slack's answer to the delivery tells what the message shows.
		if err = p.restore(ctx, action, key); err == nil {
			key, from, err = p.origin(ctx, action)
		}
	}
	switch {
	case err != nil:
		return err
	case from == outbox.Delivered:
		return nil
	case from == outbox.Outdated && inForm(action):
		return errOutdatedPress
	case from == outbox.Outdated:
		return p.outdated(ctx, approval)
	case from == outbox.Unverified:
		return errUnverifiedPress
	}
	if from == outbox.Changed && p.acceptChanged {
		p.log.WarnContext(ctx, "a press counts in what the bot did not deliver, since slack.accept_changed is set",
			"approval", approval, "person", action.Person.ID, "channel", action.Channel, "ts", action.TS,
			"message", key)
		return nil
	}
	p.log.WarnContext(ctx, "a press did not count: the bot did not deliver what was pressed in",
		"approval", approval, "person", action.Person.ID, "channel", action.Channel, "ts", action.TS, "message", key)
	keys := []string{key, render.ApprovalKey(&onboarding.Approval{ID: approval})}
	if found, err := p.service.Records.Approval(ctx, approval); err == nil {
		keys[1] = render.ApprovalKey(found)
	}
	err = p.service.ReportForgery(ctx, approval, action.Person.ID, where(action, key))
	if errors.Is(err, onboarding.ErrNotFound) {
		err = nil
	}
	if err = errors.Join(err, p.restore(ctx, action, keys...)); err != nil {
		return err
	}
	return errForgedPress
}

// outdated returns why a press does not count in what the bot delivered some updates ago. An approval
// that was decided meanwhile is left to the decision, which says by whom.
func (p *provenance) outdated(ctx context.Context, approval uuid.UUID) error {
	found, err := p.service.Records.Approval(ctx, approval)
	if err == nil && (found.State == onboarding.ApprovalOpen || found.State == onboarding.ApprovalAhead) {
		return errOutdatedPress
	}
	return err
}

// origin returns where a press comes from, and the key of the message if the outbox posted it.
func (p *provenance) origin(ctx context.Context, action bot.Action) (string, outbox.Origin, error) {
	switch {
	case action.View == nil:
		return p.outbox.Origin(ctx, action.Channel, action.TS, action.Shown)
	case action.View.Type == slack.VTHomeTab:
		from, err := p.home.Origin(ctx, action.Person, action.Shown)
		return "", from, err
	}
	from, err := p.outbox.ViewOrigin(ctx, action.View.ID, action.Shown)
	return "", from, err
}

// inForm reports whether somebody pressed in a modal, which can hold several approvals.
func inForm(action bot.Action) bool { return action.View != nil && action.View.Type == slack.VTModal }

// formSubmitted is a submission of a form as the press that it is.
func formSubmitted(submission bot.Submission) bot.Action {
	return bot.Action{Person: submission.Person, View: &submission.View, Shown: submission.Shown}
}

// where says in what somebody pressed.
func where(action bot.Action, key string) string {
	switch {
	case action.View != nil:
		return "a view that was changed after the bot showed it"
	case key != "":
		return "a message of the bot that was changed after the bot delivered it"
	}
	return "a message that the bot did not post"
}

// restore makes Slack show again what the bot delivered.
func (p *provenance) restore(ctx context.Context, action bot.Action, keys ...string) error {
	if err := p.home.Refresh(ctx, action); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error { return p.outbox.Restore(ctx, tx, keys...) })
}
