package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// renew begins a renewal, or says why there is nothing to begin. What comes of it is in the thread.
func (d *CertificateHandlers) renew(ctx context.Context, action bot.Action) error {
	return d.pressed(ctx, action, func(ctx context.Context) (bot.Reply, error) {
		site, err := d.planner.Site(ctx, action.Value)
		if err != nil {
			return bot.Reply{}, err
		}
		seen, err := d.planner.Observe(ctx, site)
		if err != nil {
			return bot.Reply{}, err
		}
		renewal, err := d.planner.Outstanding(ctx, seen, time.Now())
		switch {
		case err != nil:
			return bot.Reply{}, err
		case renewal.None():
			return bot.Reply{Text: fmt.Sprintf("%s There is nothing to renew: %s", mrkdwn.MarkDone, blockkit.Escape(seen.Line(time.Now()))) + "."}, nil
		}
		domain := onboarding.Domain{Name: site.Domain, Host: site.Host}
		if _, err := d.service.Renew(ctx, domain, service.Asked{Operator: action.Person.ID, Channel: d.channel, Submission: "press/" + action.Envelope}); err != nil {
			return bot.Reply{}, err
		}
		if action.Ephemeral {
			return bot.Reply{Text: fmt.Sprintf("%s A second operator is asked, in the thread of %s.", mrkdwn.MarkAsk, blockkit.Escape(seen.Shown()))}, nil
		}
		return bot.Reply{}, nil
	})
}

// why says to who pressed why a certificate is not being renewed.
func (d *CertificateHandlers) why(ctx context.Context, action bot.Action) error {
	return d.pressed(ctx, action, func(ctx context.Context) (bot.Reply, error) { return d.aboutSite(ctx, action.Value) })
}

// pressed answers a press of an operator, later if it takes long.
func (d *CertificateHandlers) pressed(ctx context.Context, action bot.Action, work func(context.Context) (bot.Reply, error)) error {
	answer := func(ctx context.Context) error {
		if err := d.requireOperator(ctx, action.Person); err != nil {
			return d.answer(ctx, action, err)
		}
		reply, err := work(ctx)
		if err != nil || reply.Text == "" {
			return d.answer(ctx, action, speakable(err))
		}
		if action.Channel == "" {
			return d.tell(ctx, action, reply.Text)
		}
		return d.workspace.Ephemeral(ctx, bot.Recipient{Channel: action.Channel, Thread: action.Thread, User: action.Person.ID}, reply)
	}
	err, inTime := replyWithin(ctx, d.Handlers, answer, func(ctx context.Context, err error) {
		if err != nil {
			d.log.ErrorContext(ctx, "an operator was not answered", "error", err)
		}
	})
	if !inTime {
		return nil
	}
	return err
}
