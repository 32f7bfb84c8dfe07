package access

import (
	"context"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// Operators tells who may do anything at all.
type Operators interface {
	// Operator returns who somebody is. It fails with [onboarding.ErrNotOperator].
	Operator(ctx context.Context, id string) (onboarding.Operator, error)
}

// Gate refuses people and channels that the bot does not serve.
type Gate struct {
	workspace *bot.Workspace
	operators Operators
	config    Config
}

// NewGate returns a gate for a valid configuration.
func NewGate(workspace *bot.Workspace, operators Operators, config Config) *Gate {
	return &Gate{workspace: workspace, operators: operators, config: config}
}

// requireSameTeam refuses people of other workspaces. Slack leaves out the team of some people;
// the directory looks it up.
func (g *Gate) requireSameTeam(ctx context.Context, person bot.Person) error {
	self, err := g.workspace.Identity(ctx)
	if err != nil {
		return err
	}
	// An E… id is an organisation and no workspace. The directory looks up who belongs to it.
	if strings.HasPrefix(person.Team, "T") && person.Team != self.Team {
		return errForeign
	}
	return nil
}

// RequireOperator refuses people who may do nothing here.
func (g *Gate) RequireOperator(ctx context.Context, person bot.Person) error {
	if err := g.requireSameTeam(ctx, person); err != nil {
		return err
	}
	_, err := g.operators.Operator(ctx, person.ID)
	return err
}

// AllowsChannel reports whether runs may be requested in a channel.
func (g *Gate) AllowsChannel(channel string) bool { return g.config.allows(channel) }

// Elsewhere says where the commands work.
func (g *Gate) Elsewhere() string {
	if len(g.config.Channels) == 0 {
		return "This command works in channels only, where a second operator can see it."
	}
	names := make([]string, len(g.config.Channels))
	for i, id := range g.config.Channels {
		names[i] = blockkit.Channel(id)
	}
	return "This command works in " + mrkdwn.Or(names) + " only."
}

// errForeign refuses people of other workspaces before anything is looked up.
var errForeign = &onboarding.PermissionError{Because: "people of other workspaces are not allowed to",
	Err: onboarding.ErrNotOperator}
