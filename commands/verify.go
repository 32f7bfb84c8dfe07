package commands

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
)

// verify makes the success checks again and answers with what they found.
func (d *Handlers) verify(ctx context.Context, slug string) bot.Reply {
	run, look, err := d.service.Verify(ctx, slug)
	switch {
	case run == nil && err != nil:
		return bot.Reply{Text: d.noRun(ctx, slug, err)}
	case err != nil:
		if _, expected := render.ErrorText(err); expected {
			return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
		}
		return bot.Reply{Text: fmt.Sprintf("%s The checks of %s could not be made: %s", mrkdwn.MarkFailed, blockkit.Code(slug), mrkdwn.Inline(mrkdwn.Summary(err.Error())))}
	}
	return render.VerifyPage(run, look).Reply()
}
