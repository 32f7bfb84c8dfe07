package commands

import (
	"context"

	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
)

// link leads to a run's thread, in parentheses behind something; empty while Slack has not shown it yet.
func (d *Handlers) link(ctx context.Context, run *onboarding.Run) string {
	return render.ThreadLink(d.address(ctx, render.RootKey(run.ID)))
}

// address is where Slack shows a message, empty while it does not.
func (d *Handlers) address(ctx context.Context, key string) string {
	address, err := d.outbox.Permalink(ctx, key)
	if err != nil {
		return ""
	}
	return address
}
