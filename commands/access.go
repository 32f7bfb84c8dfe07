package commands

import (
	"context"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// elsewhere says where the command may be used.
func (d *Handlers) elsewhere() string {
	if len(d.config.Channels) == 0 {
		return "Onboarding happens in a channel, where a second operator sees it. Type this there."
	}
	names := make([]string, len(d.config.Channels))
	for i, id := range d.config.Channels {
		names[i] = blockkit.Channel(id)
	}
	return "Onboarding happens in " + mrkdwn.Or(names) + ". Type this there."
}

// requireSameTeam refuses people of other workspaces. What Slack leaves out is looked up later, with the rest about the person.
func (d *Handlers) requireSameTeam(ctx context.Context, person bot.Person) error {
	self, err := d.workspace.Identity(ctx)
	if err != nil {
		return err
	}
	// An organisation's id (E…) is no workspace's; who belongs to it is looked up as well.
	if strings.HasPrefix(person.Team, "T") && person.Team != self.Team {
		return errForeign
	}
	return nil
}

// requireOperator refuses whoever may do nothing here.
func (d *Handlers) requireOperator(ctx context.Context, person bot.Person) error {
	if err := d.requireSameTeam(ctx, person); err != nil {
		return err
	}
	_, err := d.service.Operator(ctx, person.ID)
	return err
}

// errForeign refuses people of other workspaces, before anything is looked up.
var errForeign = &onboarding.PermissionError{Because: "you belong to another workspace", Err: onboarding.ErrNotOperator}
