package doctor

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/webapi"
	"github.com/atlilith/onboardbot/commands/samples"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/templates"
)

const (
	// reachSlack is the fix if Slack did not answer at all.
	reachSlack = "Check that this machine can connect to slack.api_url."
	bug        = "This is a bug in the bot: report it with this line."
)

// slackCheck checks the app, its channels and its people.
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
			err := c.workspace.CheckSocketMode(ctx)
			if _, away := errors.AsType[*url.Error](err); away {
				return []onboarding.Finding{onboarding.Failing(name, reachSlack, "%v", err)}
			}
			if err != nil {
				return []onboarding.Finding{onboarding.Failing(name,
					"Generate an app-level token with the scope connections:write for slack.app_token, "+
						"and check that Socket Mode is on.", "%v", err)}
			}
			return []onboarding.Finding{onboarding.Passed(name, "may connect over Socket Mode")}
		})
}

// botToken checks the bot token and everything that can be asked with it.
func (c *slackCheck) botToken(ctx context.Context) []onboarding.Finding {
	const name = "slack bot token"
	installed, err := c.workspace.Installation(ctx)
	if errors.Is(err, webapi.ErrRevoked) {
		return []onboarding.Finding{onboarding.Failing(name,
			"Install the app in the workspace and put its bot token into slack.bot_token.", "%v", err)}
	}
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, reachSlack, "%v", err)}
	}
	findings := []onboarding.Finding{onboarding.Passed(name, "@%s in %s (%s)",
		installed.Handle, installed.TeamName, installed.Team)}
	findings = append(findings, checkScopes(installed.Scopes)...)
	if installed.ClockError == 0 {
		findings = append(findings,
			onboarding.Doubtful("slack's clock", "Check this machine's clock yourself.", "Slack's answer had no time"))
	} else {
		findings = append(findings, checkClock("slack's clock", installed.ClockOffset, installed.ClockError))
	}
	return append(findings, together(
		func() []onboarding.Finding { return c.channels(ctx) },
		func() []onboarding.Finding { return c.operators(ctx) },
		func() []onboarding.Finding { return c.messages(ctx) })...)
}

// checkScopes compares the scopes of the token with those of the manifest.
func checkScopes(granted []string) []onboarding.Finding {
	const name, fix = "slack scopes", "Replace the app's manifest with the output of onboardbot manifest, and " +
		"install the app again."
	if granted == nil {
		return []onboarding.Finding{onboarding.Doubtful(name, "Compare them under OAuth & Permissions yourself.",
			"Slack's answer did not name them")}
	}
	wanted, err := templates.Scopes()
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, bug, "%v", err)}
	}
	without := func(list, other []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(scope string) bool { return slices.Contains(other, scope) })
	}
	missing, needless := without(wanted, granted), without(granted, wanted)
	switch {
	case len(missing) > 0:
		return []onboarding.Finding{onboarding.Failing(name, fix, "missing: %s", strings.Join(missing, ", "))}
	case len(needless) > 0:
		return []onboarding.Finding{onboarding.Doubtful(name, fix, "all that are needed, and others: %s",
			strings.Join(needless, ", "))}
	}
	return []onboarding.Finding{onboarding.Passed(name, "exactly those of the manifest")}
}

// channels checks the configured channels.
func (c *slackCheck) channels(ctx context.Context) []onboarding.Finding {
	channels := slices.Clone(c.settings.Commands.Channels)
	var findings []onboarding.Finding
	if len(channels) == 0 {
		findings = append(findings,
			onboarding.Doubtful("channels",
				"Name the operators' channels in commands.channels, or leave it empty if that is meant.",
				"none are configured: runs may be asked for in any channel"))
	}
	for _, id := range []string{c.settings.Certificates.Channel, c.settings.Isolation.Channel} {
		if id != "" && !slices.Contains(channels, id) {
			channels = append(channels, id)
		}
	}
	checks := make([]func() []onboarding.Finding, len(channels))
	for i, id := range channels {
		checks[i] = func() []onboarding.Finding { return []onboarding.Finding{c.channel(ctx, id)} }
	}
	return append(findings, together(checks...)...)
}

func (c *slackCheck) channel(ctx context.Context, id string) onboarding.Finding {
	name := "channel " + id
	info, err := c.workspace.ChannelInfo(ctx, id)
	switch {
	case errors.Is(err, bot.ErrUnknownChannel):
		return onboarding.Failing(name,
			"Correct the configuration. If it is a private channel, type /invite and the bot's name there.", "%v", err)
	case err != nil:
		return onboarding.Failing(name, "Run the check again.", "%v", err)
	case info.Archived:
		return onboarding.Failing(name, "Unarchive it, or configure another channel.", "#%s is archived", info.Name)
	case !info.Member:
		return onboarding.Failing(name, "Type /invite and the bot's name there.", "the bot is not in #%s", info.Name)
	}
	return onboarding.Passed(name, "the bot is in #%s", info.Name)
}

// maxCalls is how many calls to Slack of one kind are made at once.
const maxCalls = 4

// messages asks Slack whether it would accept every kind of message and view that the bot sends.
func (c *slackCheck) messages(ctx context.Context) []onboarding.Finding {
	const name = "messages and views"
	all, err := samples.All()
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, bug, "%v", err)}
	}
	answers, err := c.validate(ctx, all)
	found, asked := answers.refused, answers.asked
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return append(found, onboarding.Failing(name, "Run the check with a longer -timeout.",
			"Slack was asked about %d of %d when the time ran out", asked, len(all)))
	case err != nil:
		return append(found, onboarding.Failing(name, "Run the check again.",
			"Slack was asked about %d of %d: %v", asked, len(all), err))
	case answers.replaced != nil:
		return append(found, onboarding.Doubtful(name,
			"Nothing needs to be done: the bot sends simpler blocks instead.",
			"this workspace does not accept all newer blocks: %v", answers.replaced))
	case len(found) == 0:
		return []onboarding.Finding{onboarding.Passed(name, "Slack accepts all %d kinds", len(all))}
	}
	return found
}

// answers are what Slack answered about samples.
type answers struct {
	asked int
	// refused has a finding for each sample that Slack refuses, in the order of their names.
	// replaced is why it refuses one for which the bot has simpler blocks.
	refused  []onboarding.Finding
	replaced error
}

// validate asks Slack about samples. It stops at the first one that Slack does not answer about.
func (c *slackCheck) validate(ctx context.Context, all []samples.Sample) (answers, error) {
	var (
		mu     sync.Mutex
		result answers
	)
	group, ctx := routine.WithContext(ctx)
	group.SetLimit(maxCalls)
	for _, each := range all {
		group.Go(func() error {
			err := c.workspace.Validate(ctx, each.Surface, each.JSON)
			if err != nil && !errors.Is(err, bot.ErrUnshowable) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			result.asked++
			switch {
			case err != nil && each.Replaced:
				result.replaced = err
			case err != nil:
				const fix = "Slack's rules have changed, or this is a bug: report it with this line."
				result.refused = append(result.refused, onboarding.Failing(each.Name, fix, "%v", err))
			}
			return nil
		})
	}
	err := group.Wait()
	slices.SortFunc(result.refused, func(a, b onboarding.Finding) int { return strings.Compare(a.Name, b.Name) })
	return result, err
}
