package commands

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// freeze holds everything that changes something, and says so to everyone.
func (d *Handlers) freeze(ctx context.Context, person bot.Person, reason string) bot.Reply {
	err := d.service.Freeze(ctx, person.ID, reason)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "person", person.ID)}
	}
	d.refreshSoon(ctx)
	freeze, err := d.service.Records.Frozen(ctx)
	if err != nil || freeze == nil {
		return bot.Reply{Text: d.explain(ctx, onboarding.ErrNotFrozen, "person", person.ID)}
	}
	return bot.Reply{InChannel: true, Text: fmt.Sprintf("%s\nEvery run stops before its next change. What is being applied right now ends. %s lets all go on.",
		render.FreezeNotice(freeze), blockkit.Code(d.config.Command+" "+render.WordThaw))}
}

func (d *Handlers) thaw(ctx context.Context, person bot.Person) bot.Reply {
	if err := d.service.Thaw(ctx, person.ID); err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "person", person.ID)}
	}
	d.refreshSoon(ctx)
	return bot.Reply{InChannel: true, Text: fmt.Sprintf("%s Thawed by %s: what is approved goes on.", mrkdwn.MarkDone, blockkit.User(person.ID))}
}
