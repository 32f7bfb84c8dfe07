package commands

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// onboard answers the slash command.
func (d *Handlers) onboard(ctx context.Context, command bot.Command) (bot.Reply, error) {
	reply, inTime := soon(ctx, d, func(ctx context.Context) bot.Reply { return d.onboardReply(ctx, command) },
		func(ctx context.Context, reply bot.Reply) {
			if reply.Text == "" {
				return
			}
			if err := d.workspace.Respond(ctx, command.ResponseURL, bot.Response{Reply: reply}); err != nil {
				d.log.ErrorContext(ctx, "an operator was not answered", "error", err)
			}
		})
	if !inTime {
		return bot.Reply{Text: markBusy + " One moment…"}, nil
	}
	return reply, nil
}

func (d *Handlers) onboardReply(ctx context.Context, command bot.Command) bot.Reply {
	if !d.config.allows(command.Channel) {
		return bot.Reply{Text: d.elsewhere()}
	}
	if err := d.operator(ctx, command.Person); err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "person", command.Person.ID)}
	}
	read, err := understand(d.config.Command, storable(command.Text))
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "command", "")}
	}
	switch read.word {
	case "":
		return d.start(ctx, command, read)
	case wordHelp:
		return d.help()
	case wordList:
		return d.list(ctx)
	case wordLog:
		return d.trail(ctx, command.Person.ID, read.slug, command.Envelope)
	case wordVerify:
		return d.verify(ctx, read.slug)
	case wordUndo:
		return d.askUndo(ctx, read.slug, command.Envelope)
	case wordFreeze:
		return d.freeze(ctx, command.Person, read.reason)
	case wordThaw:
		return d.thaw(ctx, command.Person)
	case wordStatus:
		if read.slug == "" {
			return d.waitingFor(ctx, command.Person.ID)
		}
	}
	return d.aboutRun(ctx, command, read)
}

// aboutRun answers the words that are about one Provider's run.
func (d *Handlers) aboutRun(ctx context.Context, command bot.Command, read phrase) bot.Reply {
	run, err := d.service.Latest(ctx, read.slug)
	active := err == nil && run.State == onboarding.RunActive
	if read.word == wordPlan && !active {
		return d.gather(ctx, command, read, true)
	}
	if err != nil {
		return bot.Reply{Text: d.noRun(ctx, read.slug, err)}
	}
	switch {
	case read.word == wordStatus:
		return d.status(ctx, run)
	case !active:
		return bot.Reply{Text: fmt.Sprintf("The %s %s has ended%s. %s", undertaking(run), blockkit.Code(read.slug), d.link(ctx, run), ended(run))}
	case read.word == wordPlan:
		plan := d.service.PlanRun(ctx, run)
		reply, err := d.planned(ctx, plan, command.Person.ID, command.Envelope)
		if err != nil {
			return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
		}
		return reply
	case read.word == wordCancel:
		return d.askCancel(ctx, run)
	case read.word == wordReview:
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
	if _, expected := sentence(err); !expected {
		return d.explain(ctx, err, "slug", slug)
	}
	meant := ""
	runs, err := d.service.List(ctx, maxLive)
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

// undertaking is what a run does, in front of whom.
func undertaking(run *onboarding.Run) string {
	switch run.Kind {
	case onboarding.KindUndo:
		return "taking back of"
	case onboarding.KindRenew:
		return "renewal for"
	}
	return "onboarding of"
}

// ended says when and how a run ended.
func ended(run *onboarding.Run) string {
	if run.State == onboarding.RunCancelled {
		return fmt.Sprintf("%s cancelled it %s.", mention(run.EndedBy), blockkit.Date(run.Ended))
	}
	switch run.Kind {
	case onboarding.KindUndo:
		return fmt.Sprintf("It was taken back %s.", blockkit.Date(run.Ended))
	case onboarding.KindRenew:
		return fmt.Sprintf("Its certificate was renewed %s.", blockkit.Date(run.Ended))
	}
	return fmt.Sprintf("It is live since %s.", blockkit.Date(run.Ended))
}

// elsewhere says where the command may be used.
func (d *Handlers) elsewhere() string {
	if len(d.config.Channels) == 0 {
		return "Onboarding happens in a channel, where a second operator sees it. Type this there."
	}
	names := make([]string, len(d.config.Channels))
	for i, id := range d.config.Channels {
		names[i] = blockkit.Channel(id)
	}
	return "Onboarding happens in " + list(names) + ". Type this there."
}

// askCancel asks once more.
func (d *Handlers) askCancel(ctx context.Context, run *onboarding.Run) bot.Reply {
	var page sheet
	page.say(fmt.Sprintf("Cancel the %s %s%s? It ends where it stands: what was applied stays, open questions are withdrawn.",
		undertaking(run), blockkit.Code(run.Request.Slug), d.link(ctx, run)))
	page.buttons("cancel", blockkit.Button(actionCancel, run.ID.String(), "Cancel run", slack.StyleDanger), blockkit.Button(actionKeep, run.ID.String(), "Keep it", ""))
	return page.reply()
}

// link leads to a run's thread, in parentheses behind something; empty while Slack has not shown it yet.
func (d *Handlers) link(ctx context.Context, run *onboarding.Run) string {
	return behind(d.address(ctx, rootKey(run.ID)))
}
