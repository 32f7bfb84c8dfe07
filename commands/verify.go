package commands

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// verify makes the success checks again and answers with what they found.
func (d *Handlers) verify(ctx context.Context, slug string) bot.Reply {
	run, look, err := d.service.Verify(ctx, slug)
	switch {
	case run == nil && err != nil:
		return bot.Reply{Text: d.noRun(ctx, slug, err)}
	case err != nil:
		if _, expected := sentence(err); expected {
			return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
		}
		return bot.Reply{Text: fmt.Sprintf("%s The checks of %s could not be made: %s", markFailed, blockkit.Code(slug), inline(cause(err.Error())))}
	}
	return verified(run, look).reply()
}

// verified is what the success checks found, for one person.
func verified(run *onboarding.Run, look onboarding.Observation) *sheet {
	page := new(sheet)
	name := fmt.Sprintf("*%s* (%s)", inline(run.Request.DisplayName), blockkit.Code(run.Request.Slug))
	if look.Later != "" || look.Waiting != "" {
		page.say(fmt.Sprintf("%s %s cannot be checked yet: %s", markPending, name, inline(cause(look.Later+look.Waiting))))
		return page
	}
	mark := markDone
	for _, finding := range look.Findings {
		switch {
		case finding.Level == onboarding.Failed:
			mark = markFailed
		case finding.Level == onboarding.Warning && mark == markDone:
			mark = markWarning
		}
	}
	page.say(fmt.Sprintf("%s %s: %s", mark, name, tally(look.Findings)))
	if len(look.Findings) > 0 {
		page.table(rows(look.Findings))
	}
	return page
}
