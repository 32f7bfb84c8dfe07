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

// waitingFor lists what waits for one person.
func (d *Handlers) waitingFor(ctx context.Context, person string) bot.Reply {
	content, err := d.waiting(ctx, person)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "person", person)}
	}
	return d.renderer.WaitingFor(content).Reply()
}

// maxListed is how many runs a list shows.
const maxListed = 15

func (d *Handlers) list(ctx context.Context) bot.Reply {
	runs, err := d.service.Records.List(ctx, maxListed)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "command", "")}
	}
	if len(runs) == 0 {
		return bot.Reply{Text: fmt.Sprintf("There are no runs yet. %s begins one.", blockkit.Code(d.config.Command+" merche-biche"))}
	}
	var page mrkdwn.Builder
	lines := make([]string, len(runs))
	for i, run := range runs {
		lines[i] = d.renderer.Line(run) + d.link(ctx, run)
	}
	page.Say(mrkdwn.JoinWithin(lines, blockkit.MaxSectionText))
	freeze, err := d.service.Records.Frozen(ctx)
	if err != nil {
		d.log.WarnContext(ctx, "whether a freeze holds is not known", "error", err)
	}
	if freeze != nil {
		page.Note(render.FreezeNotice(freeze))
	}
	return page.Reply()
}

func (d *Handlers) status(ctx context.Context, run *onboarding.Run) bot.Reply {
	view, err := d.service.Records.View(ctx, run.ID)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
	}
	page := d.renderer.Status(view)
	if address := d.address(ctx, render.RootKey(run.ID)); address != "" {
		page.Note("Everything about it is in its " + blockkit.Link(address, "thread") + ".")
	}
	return page.Reply()
}
