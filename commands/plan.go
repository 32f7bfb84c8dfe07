package commands

import (
	"context"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
)

// planned is a dry run as an answer for one person. What does not fit goes to them as a file, under a key of this one asking.
func (d *Handlers) planned(ctx context.Context, plan *onboarding.Plan, person, asking string) (bot.Reply, error) {
	page, whole := render.PlanPage(plan)
	if whole {
		return page.Reply(), nil
	}
	page.Note("This is not all of it: the whole plan is a file in your messages with me.")
	name := "plan-" + plan.Request.Slug
	err := d.send(ctx, outbox.Message{Key: "plan/" + person + "/" + asking, Channel: person, Text: blockkit.Escape(name),
		File: &outbox.File{Name: name + ".txt", Title: name, Content: []byte(render.PlanText(plan))}})
	return page.Reply(), err
}

func (d *Handlers) showPlan(ctx context.Context, order *formSubmission) error {
	reply, err := d.plan(ctx, order.submission.Person, order.draft, order.submission.View.ID)
	if err != nil {
		return err
	}
	return d.workspace.Ephemeral(ctx, bot.Recipient{Channel: order.meta.Channel, User: order.submission.Person.ID}, reply)
}

// plan is a dry run of a draft as an answer.
func (d *Handlers) plan(ctx context.Context, person bot.Person, content form.Draft, asking string) (bot.Reply, error) {
	request, problems := content.Request(d.config.Hosts)
	if len(problems) > 0 {
		return bot.Reply{}, d.checked(ctx, request, content, problems)
	}
	plan, err := d.service.Plan(ctx, request, person.ID)
	if err != nil {
		return bot.Reply{}, err
	}
	return d.planned(ctx, plan, person.ID, asking)
}

func (d *Handlers) planReply(ctx context.Context, person bot.Person, content form.Draft, asking string) bot.Reply {
	reply, err := d.plan(ctx, person, content, asking)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "slug", content.Slug)}
	}
	return reply
}
