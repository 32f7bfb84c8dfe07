package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// list is one of the configured lists of people and user groups.
type list struct {
	key     string
	entries []string
}

// operators checks everybody who is configured, directly or through a user group, and whether
// there are enough of them.
func (c *slackCheck) operators(ctx context.Context) []onboarding.Finding {
	lists := []list{{"commands.operators", c.settings.Commands.Operators},
		{"commands.approvers", c.settings.Commands.Approvers}}
	full := make([]map[string]bool, len(lists)) // the full members of the workspace on each list
	findings := together(
		func() (found []onboarding.Finding) { full[0], found = c.members(ctx, lists[0]); return found },
		func() (found []onboarding.Finding) { full[1], found = c.members(ctx, lists[1]); return found })
	if slices.ContainsFunc(findings, func(f onboarding.Finding) bool { return f.Level == onboarding.Failed }) {
		return findings
	}
	if len(c.settings.Commands.EscalateTo) > 0 && c.settings.Onboarding.EscalateAfter == 0 {
		findings = append(findings, onboarding.Doubtful("escalation",
			"Set onboarding.escalate_after, or move the people to commands.approvers.",
			"those in commands.escalate_to may never decide, since onboarding.escalate_after is 0s"))
	}
	return append(findings, c.second(full[0], full[1]), c.secondFactor())
}

// secondFactor recommends a second factor for what makes a site live, and for what takes it away.
func (c *slackCheck) secondFactor() onboarding.Finding {
	const name = "second factor"
	var without []string
	for _, kind := range runbook.Kinds() {
		important := kind == "go-live" || strings.HasPrefix(string(kind), "undo-")
		if important && c.settings.Onboarding.Rules[kind].Confirm == onboarding.ConfirmNone {
			without = append(without, string(kind))
		}
	}
	if len(without) == 0 {
		return onboarding.Passed(name, "a code confirms going live and every undo")
	}
	return onboarding.Doubtful(name,
		"Set second_factor.key, enroll the approvers, and set confirm: totp for these kinds in "+
			"onboarding.rules; see docs/approvals.md.",
		"Slack alone says who approves %s: a stolen session is enough", strings.Join(without, ", "))
}

// second checks that each operator's request can be approved by somebody else.
func (c *slackCheck) second(operators, approvers map[string]bool) onboarding.Finding {
	const name = "second operator"
	needs := 1
	for _, rule := range c.settings.Onboarding.Rules {
		needs = max(needs, rule.Approvers)
	}
	var alone []string
	for id := range operators {
		others := len(approvers)
		if approvers[id] {
			others--
		}
		if others < needs {
			alone = append(alone, id)
		}
	}
	slices.Sort(alone)
	switch {
	case len(alone) == len(operators):
		return onboarding.Failing(name, "Add people to commands.approvers.",
			"nobody's request could be approved: approvers needed besides the requester: %d; "+
				"people who may approve: %d",
			needs, len(approvers))
	case len(alone) > 0:
		return onboarding.Doubtful(name, "Add people to commands.approvers.", "requests of %s could not be approved",
			strings.Join(alone, ", "))
	}
	return onboarding.Passed(name, "%d may ask, %d may approve, at most %d must agree",
		len(operators), len(approvers), needs)
}

// members checks everybody on a list and returns who of them is a full member of the workspace.
func (c *slackCheck) members(ctx context.Context, l list) (map[string]bool, []onboarding.Finding) {
	var (
		mu   sync.Mutex
		full = map[string]bool{}
	)
	found := make([]onboarding.Finding, len(l.entries))
	var group routine.Group
	group.SetLimit(maxCalls)
	for i, id := range l.entries {
		group.Go(func() error {
			checked := &entry{list: l.key, id: id}
			if err := routine.Call(func() error { found[i] = c.check(ctx, checked); return nil }); err != nil {
				found[i] = onboarding.Failing(l.key, "Report this.", "%v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, person := range checked.full {
				full[person] = true
			}
			return nil
		})
	}
	_ = group.Wait() // errors are in the findings
	return full, found
}

// entry is a person or a user group on a list.
type entry struct {
	list, id string
	// full are the ids of the full members of the workspace, and names their names. refused says
	// why the others are refused.
	full, names, refused []string
}

func (c *slackCheck) check(ctx context.Context, e *entry) onboarding.Finding {
	name := strings.TrimPrefix(e.list, "commands.") + " " + e.id
	people := []string{e.id}
	if strings.HasPrefix(e.id, "S") {
		var err error
		if people, err = c.people.Members(ctx, e.id); err != nil {
			fix := "Correct " + e.list + ". User groups need a paid plan of Slack; without one, list people."
			return onboarding.Failing(name, fix, "%v", err)
		}
	}
	for _, person := range people {
		called, why, err := c.person(ctx, person)
		switch {
		case err != nil:
			return onboarding.Failing(name, "Run the check again.", "%v", err)
		case why != "":
			e.refused = append(e.refused, fmt.Sprintf("%s %s", person, why))
		default:
			e.full, e.names = append(e.full, person), append(e.names, called)
		}
	}
	names, refused := strings.Join(e.names, ", "), strings.Join(e.refused, ", ")
	switch {
	case len(people) == 0:
		return onboarding.Failing(name, "Add somebody to the user group, enable it, or remove it from "+e.list+".",
			"nobody is in this user group, or it is disabled")
	case len(e.names) == 0:
		return onboarding.Failing(name, "Remove them from "+e.list+".", "%s", refused)
	case len(e.refused) > 0:
		fix := "Remove them from the user group. You can also leave them there: the bot refuses them."
		return onboarding.Doubtful(name, fix, "%s, but %s", names, refused)
	}
	if e.list == "commands.approvers" && strings.HasPrefix(e.id, "S") {
		if editor, err := c.ordinaryEditor(ctx, e.id); err != nil || editor != "" {
			fix := "In Slack's settings, let only owners and admins edit user groups, or list the people in " +
				e.list + "."
			if err != nil {
				return onboarding.Doubtful(name, fix, "%s, but who may edit the user group is not known: %v",
					names, err)
			}
			return onboarding.Doubtful(name, fix,
				"%s, but any member may edit this user group and so become an approver: "+
					"%s, who is no admin, did so last", names, editor)
		}
	}
	return onboarding.Passed(name, "%s", names)
}

// ordinaryEditor returns who changed a user group last if that is an ordinary member, else "".
// Slack tells no app who may edit user groups. By default only owners and admins may
// (https://slack.com/help/articles/115004952926).
func (c *slackCheck) ordinaryEditor(ctx context.Context, group string) (string, error) {
	editor, err := c.people.Editor(ctx, group)
	if err != nil || editor == "" {
		return "", err
	}
	profile, err := c.people.Person(ctx, editor)
	switch {
	case errors.Is(err, bot.ErrForeignTeam), errors.Is(err, bot.ErrUnknownPerson):
		return "", nil
	case err != nil || profile.Admin || profile.Bot:
		return "", err
	}
	return editor, nil
}

// person returns somebody's name, or why the bot would refuse them.
func (c *slackCheck) person(ctx context.Context, id string) (called, why string, err error) {
	profile, err := c.people.Person(ctx, id)
	switch {
	case errors.Is(err, bot.ErrForeignTeam):
		return "", "belongs to another workspace", nil
	case errors.Is(err, bot.ErrUnknownPerson):
		return "", "is not known in this workspace", nil
	case err != nil:
		return "", "", err
	case profile.Deactivated:
		return "", "is deactivated", nil
	case profile.Bot:
		return "", "is an app", nil
	case profile.Guest:
		return "", "is a guest", nil
	}
	return profile.Name, "", nil
}
