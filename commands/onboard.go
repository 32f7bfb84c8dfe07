package commands

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// onboard answers the slash command.
func (d *Handlers) onboard(ctx context.Context, command bot.Command) (bot.Reply, error) {
	reply, inTime := replyWithin(ctx, d, func(ctx context.Context) bot.Reply { return d.onboardReply(ctx, command) },
		func(ctx context.Context, reply bot.Reply) {
			if reply.Text == "" {
				return
			}
			if err := d.workspace.Respond(ctx, command.ResponseURL, bot.Response{Reply: reply}); err != nil {
				d.log.ErrorContext(ctx, "an operator was not answered", "error", err)
			}
		})
	if !inTime {
		return bot.Reply{Text: mrkdwn.MarkBusy + " One moment…"}, nil
	}
	return reply, nil
}

func (d *Handlers) onboardReply(ctx context.Context, command bot.Command) bot.Reply {
	if !d.config.allows(command.Channel) {
		return bot.Reply{Text: d.elsewhere()}
	}
	if err := d.requireOperator(ctx, command.Person); err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "person", command.Person.ID)}
	}
	read, err := parseCommand(d.config.Command, form.Storable(command.Text))
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "command", "")}
	}
	switch read.word {
	case "":
		return d.start(ctx, command, read)
	case render.WordHelp:
		return render.HelpPage(d.config.Command).Reply()
	case render.WordList:
		return d.list(ctx)
	case render.WordLog:
		return d.trail(ctx, command.Person.ID, read.slug, command.Envelope)
	case render.WordVerify:
		return d.verify(ctx, read.slug)
	case render.WordUndo:
		return d.askUndo(ctx, read.slug, command.Envelope)
	case render.WordFreeze:
		return d.freeze(ctx, command.Person, read.reason)
	case render.WordThaw:
		return d.thaw(ctx, command.Person)
	case render.WordStatus:
		if read.slug == "" {
			return d.waitingFor(ctx, command.Person.ID)
		}
	}
	return d.aboutRun(ctx, command, read)
}

// aboutRun answers the words that are about one Provider's run.
func (d *Handlers) aboutRun(ctx context.Context, command bot.Command, read parsedCommand) bot.Reply {
	run, err := d.service.Records.Latest(ctx, read.slug)
	active := err == nil && run.State == onboarding.RunActive
	if read.word == render.WordPlan && !active {
		return d.gather(ctx, command, read, true)
	}
	if err != nil {
		return bot.Reply{Text: d.noRun(ctx, read.slug, err)}
	}
	switch {
	case read.word == render.WordStatus:
		return d.status(ctx, run)
	case !active:
		return bot.Reply{Text: fmt.Sprintf("The %s %s has ended%s. %s", render.Undertaking(run), blockkit.Code(read.slug), d.link(ctx, run), render.Ended(run))}
	case read.word == render.WordPlan:
		plan := d.service.PlanRun(ctx, run)
		reply, err := d.planned(ctx, plan, command.Person.ID, command.Envelope)
		if err != nil {
			return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
		}
		return reply
	case read.word == render.WordCancel:
		return d.askCancel(ctx, run)
	case read.word == render.WordReview:
		return d.reviewReply(ctx, command, run)
	}
	count, err := d.service.RetryAll(ctx, run.ID, command.Person.ID)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
	}
	if count == 1 {
		return bot.Reply{Text: fmt.Sprintf("One step looks again%s.", d.link(ctx, run))}
	}
	return bot.Reply{Text: fmt.Sprintf("%d steps look again%s.", count, d.link(ctx, run))}
}

func (d *Handlers) noRun(ctx context.Context, slug string, err error) string {
	if _, expected := render.ErrorText(err); !expected {
		return d.explain(ctx, err, "slug", slug)
	}
	meant := ""
	runs, err := d.service.Records.List(ctx, maxLive)
	if err != nil {
		d.log.WarnContext(ctx, "no slug can be suggested", "error", err)
	}
	for _, run := range runs {
		if slip(run.Request.Slug, slug) {
			meant = fmt.Sprintf(" Did you mean %s?", blockkit.Code(run.Request.Slug))
			break
		}
	}
	return fmt.Sprintf("Nobody has onboarded %s yet.%s %s begins.", blockkit.Code(slug), meant, blockkit.Code(d.config.Command+" "+slug))
}

// askCancel asks once more.
func (d *Handlers) askCancel(ctx context.Context, run *onboarding.Run) bot.Reply {
	return render.CancelPage(run, d.link(ctx, run)).Reply()
}
