package doctor

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/webapi"
	"github.com/atlilith/onboardbot/commands/samples"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/templates"
)

// reachSlack is the fix where Slack did not answer at all.
const reachSlack = "See that this machine reaches slack.api_url."

// slackCheck looks at the app, its places and its people.
type slackCheck struct {
	workspace *bot.Workspace
	people    *bot.Directory
	settings  *config.Config
}

func (c *slackCheck) run(ctx context.Context) []onboarding.Finding {
	return together(
		func() []onboarding.Finding { return c.botToken(ctx) },
		func() []onboarding.Finding {
			const name = "slack app token"
			err := c.workspace.MayListen(ctx)
			if _, away := errors.AsType[*url.Error](err); away {
				return []onboarding.Finding{failing(name, reachSlack, "%v", err)}
			}
			if err != nil {
				return []onboarding.Finding{failing(name, "Make an app-level token with the scope connections:write, put it into slack.app_token, and see that Socket Mode is on.", "%v", err)}
			}
			return []onboarding.Finding{well(name, "may listen over Socket Mode")}
		})
}

// botToken looks at the bot token, and with it at all that can be asked with one.
func (c *slackCheck) botToken(ctx context.Context) []onboarding.Finding {
	const name = "slack bot token"
	installed, err := c.workspace.Installation(ctx)
	if errors.Is(err, webapi.ErrRevoked) {
		return []onboarding.Finding{failing(name, "Install the app in the workspace and put its bot token into slack.bot_token.", "%v", err)}
	}
	if err != nil {
		return []onboarding.Finding{failing(name, reachSlack, "%v", err)}
	}
	findings := []onboarding.Finding{well(name, "@%s in %s (%s)", installed.Handle, installed.TeamName, installed.Team)}
	findings = append(findings, checkScopes(installed.Scopes)...)
	if installed.Within == 0 {
		findings = append(findings, doubtful("slack's clock", "Nothing; look at this machine's clock yourself.", "Slack did not say what time it is"))
	} else {
		findings = append(findings, checkClock("slack's clock", installed.Ahead, installed.Within))
	}
	return append(findings, together(
		func() []onboarding.Finding { return c.rooms(ctx) },
		func() []onboarding.Finding { return c.operators(ctx) },
		func() []onboarding.Finding { return c.messages(ctx) })...)
}

// checkScopes compares what the token may do with what the manifest asks for.
func checkScopes(granted []string) []onboarding.Finding {
	const name, fix = "slack scopes", "Put what onboardbot manifest prints into the app's manifest, and install the app again."
	if granted == nil {
		return []onboarding.Finding{doubtful(name, "Compare them under OAuth & Permissions yourself.", "Slack did not say which")}
	}
	wanted, err := templates.Scopes()
	if err != nil {
		return []onboarding.Finding{failing(name, "This is a mistake of the program.", "%v", err)}
	}
	without := func(list, other []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(scope string) bool { return slices.Contains(other, scope) })
	}
	missing, needless := without(wanted, granted), without(granted, wanted)
	switch {
	case len(missing) > 0:
		return []onboarding.Finding{failing(name, fix, "missing: %s", strings.Join(missing, ", "))}
	case len(needless) > 0:
		return []onboarding.Finding{doubtful(name, fix, "all, and more than needed: %s", strings.Join(needless, ", "))}
	}
	return []onboarding.Finding{well(name, "exactly those of the manifest")}
}

// rooms looks at the configured channels.
func (c *slackCheck) rooms(ctx context.Context) []onboarding.Finding {
	channels := slices.Clone(c.settings.Commands.Channels)
	var findings []onboarding.Finding
	if len(channels) == 0 {
		findings = append(findings, doubtful("channels", "Name those of the operators in commands.channels, or leave it so.", "none are configured: runs may be asked for in any channel"))
	}
	for _, id := range []string{c.settings.Certificates.Channel, c.settings.Isolation.Channel} {
		if id != "" && !slices.Contains(channels, id) {
			channels = append(channels, id)
		}
	}
	checks := make([]func() []onboarding.Finding, len(channels))
	for i, id := range channels {
		checks[i] = func() []onboarding.Finding { return []onboarding.Finding{c.room(ctx, id)} }
	}
	return append(findings, together(checks...)...)
}

func (c *slackCheck) room(ctx context.Context, id string) onboarding.Finding {
	name := "channel " + id
	room, err := c.workspace.Room(ctx, id)
	switch {
	case errors.Is(err, bot.ErrUnknownRoom):
		return failing(name, "Correct the configuration. If it is a private channel, type /invite and the bot's name there.", "%v", err)
	case err != nil:
		return failing(name, "Run the check again.", "%v", err)
	case room.Archived:
		return failing(name, "Unarchive it, or configure another.", "#%s is archived", room.Name)
	case !room.Member:
		return failing(name, "Type /invite and the bot's name there.", "the bot is not in #%s", room.Name)
	}
	return well(name, "the bot is in #%s", room.Name)
}

// asksAtOnce is how many messages Slack is asked about beside each other.
const asksAtOnce = 4

// messages asks Slack whether it would show everything that the bot can say.
func (c *slackCheck) messages(ctx context.Context) []onboarding.Finding {
	const name = "messages and views"
	all, err := samples.All()
	if err != nil {
		return []onboarding.Finding{failing(name, "This is a mistake of the program.", "%v", err)}
	}
	var (
		mu      sync.Mutex
		refused []onboarding.Finding
		plans   []string
		asked   int
	)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(asksAtOnce)
	for _, each := range all {
		group.Go(func() error {
			err := c.workspace.Validate(ctx, each.Surface, each.JSON)
			if err != nil && !errors.Is(err, bot.ErrUnshowable) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			asked++
			switch {
			case err != nil && each.Plan:
				plans = append(plans, err.Error())
			case err != nil:
				refused = append(refused, failing(each.Name, "Slack's rules have changed, or this is a mistake of the program: report it with this line.", "%v", err))
			}
			return nil
		})
	}
	failed := group.Wait()
	slices.SortFunc(refused, func(a, b onboarding.Finding) int { return strings.Compare(a.Name, b.Name) })
	switch {
	case errors.Is(failed, context.DeadlineExceeded):
		refused = append(refused, failing(name, "Run the check with a longer -timeout.", "Slack was asked about %d of %d when the time ran out", asked, len(all)))
	case failed != nil:
		refused = append(refused, failing(name, "Run the check again.", "Slack was asked about %d of %d: %v", asked, len(all), failed))
	case len(plans) > 0:
		refused = append(refused, doubtful(name, "Nothing: plain sections are sent in place of plans.", "this workspace shows no plan blocks: %s", plans[0]))
	case len(refused) == 0:
		refused = append(refused, well(name, "Slack would show all %d kinds as they are", len(all)))
	}
	return refused
}
