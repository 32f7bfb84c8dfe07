package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

// People tells who somebody is in the workspace; [bot.Directory] does.
type People interface {
	// Person fails with [bot.ErrForeignTeam] and [bot.ErrUnknownPerson] for those who are not of the workspace.
	Person(ctx context.Context, id string) (bot.Profile, error)
	// Members are the user ids in a user group.
	Members(ctx context.Context, group string) ([]string, error)
}

// Directory is the domain's [onboarding.Directory], from the configured lists and what Slack says of people.
type Directory struct {
	people People
	config Config
}

var _ onboarding.Directory = (*Directory)(nil)

// NewDirectory returns a directory of the configured operators and approvers.
func NewDirectory(people People, config Config) (*Directory, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Directory{people: people, config: config}, nil
}

// Permissions says what somebody may do. Only a full member of the bot's own workspace may do anything, whatever the lists say.
func (d *Directory) Permissions(ctx context.Context, id string) (onboarding.Permissions, error) {
	standing := onboarding.Permissions{Operator: onboarding.Operator{ID: id}}
	profile, err := d.people.Person(ctx, id)
	switch {
	case errors.Is(err, bot.ErrForeignTeam):
		standing.Refused = "you belong to another workspace"
		return standing, nil
	case errors.Is(err, bot.ErrUnknownPerson):
		standing.Refused = "Slack does not know you in this workspace"
		return standing, nil
	case err != nil:
		return onboarding.Permissions{}, fmt.Errorf("looking up %s: %w", id, err)
	}
	standing.Name = profile.Name
	switch {
	case profile.Deactivated:
		standing.Refused = "your account is deactivated"
	case profile.Bot:
		standing.Refused = "apps cannot do this"
	case profile.Guest:
		standing.Refused = "guests cannot do this"
	}
	if standing.Refused != "" {
		return standing, nil
	}
	if standing.Operates, err = d.listed(ctx, d.config.Operators, id); err != nil {
		return onboarding.Permissions{}, err
	}
	if standing.Approves, err = d.listed(ctx, slices.Concat(d.config.Approvers, d.config.EscalateTo), id); err != nil {
		return onboarding.Permissions{}, err
	}
	switch {
	case !standing.Operates && !standing.Approves:
		standing.Refused = "you are not on the list of operators"
	case !standing.Approves:
		standing.Refused = "you are not on the list of approvers"
	}
	return standing, nil
}

// listed reports whether an id is on a list, by itself or through a user group.
func (d *Directory) listed(ctx context.Context, list []string, id string) (bool, error) {
	if slices.Contains(list, id) {
		return true, nil
	}
	for _, entry := range list {
		if !strings.HasPrefix(entry, "S") {
			continue
		}
		members, err := d.people.Members(ctx, entry)
		if err != nil {
			return false, err
		}
		if slices.Contains(members, id) {
			return true, nil
		}
	}
	return false, nil
}

// each returns the people behind a list of people and user groups, each once, those of a group in the order of their ids.
func (d *Directory) each(ctx context.Context, list []string) ([]string, error) {
	var ids []string
	for _, entry := range list {
		people := []string{entry}
		if groupForm.MatchString(entry) {
			members, err := d.people.Members(ctx, entry)
			if err != nil {
				return nil, err
			}
			people = slices.Sorted(slices.Values(members))
		}
		for _, id := range people {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}
