package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

// Directory says what people may do, from the configured lists and from what Slack says about
// people.
type Directory struct {
	people *bot.Directory
	config Config
}

var _ onboarding.Directory = (*Directory)(nil)

// NewDirectory returns a directory for a configuration. It fills in the defaults.
func NewDirectory(people *bot.Directory, config Config) (*Directory, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Directory{people: people, config: config}, nil
}

// Config returns the configuration with its defaults.
func (d *Directory) Config() Config { return d.config }

// PermissionsNow is [Directory.Permissions] by what Slack said in the last seconds.
func (d *Directory) PermissionsNow(ctx context.Context, id string) (onboarding.Permissions, error) {
	return (&Directory{people: d.people.Fresh(), config: d.config}).Permissions(ctx, id)
}

// Permissions says what somebody may do. Only a full member of the bot's own workspace may do
// anything, whatever the lists say.
func (d *Directory) Permissions(ctx context.Context, id string) (onboarding.Permissions, error) {
	permissions := onboarding.Permissions{Operator: onboarding.Operator{ID: id}}
	profile, err := d.people.Person(ctx, id)
	switch {
	case errors.Is(err, bot.ErrForeignTeam):
		permissions.Refused = "people of other workspaces are not allowed to"
		return permissions, nil
	case errors.Is(err, bot.ErrUnknownPerson):
		permissions.Refused = "Slack does not know this account in the workspace"
		return permissions, nil
	case err != nil:
		return onboarding.Permissions{}, fmt.Errorf("looking up %s: %w", id, err)
	}
	permissions.Name = profile.Name
	switch {
	case profile.Deactivated:
		permissions.Refused = "deactivated accounts are not allowed to"
	case profile.Bot:
		permissions.Refused = "apps are not allowed to"
	case profile.Guest:
		permissions.Refused = "guests are not allowed to"
	}
	if permissions.Refused != "" {
		return permissions, nil
	}
	if permissions.Operates, err = d.listed(ctx, d.config.Operators, id); err != nil {
		return onboarding.Permissions{}, err
	}
	if permissions.Approves, err = d.listed(ctx, d.config.Approvers, id); err != nil {
		return onboarding.Permissions{}, err
	}
	if permissions.StandsIn, err = d.listed(ctx, d.config.EscalateTo, id); err != nil {
		return onboarding.Permissions{}, err
	}
	switch {
	case permissions.Approves || permissions.StandsIn:
	case permissions.Operates:
		permissions.Refused = "only people on the list of approvers can"
	default:
		permissions.Refused = "only people on the list of operators can"
	}
	return permissions, nil
}

// listed reports whether an id is in a list, by itself or through a user group.
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

// Recipients are the ids of the people who get direct messages.
type Recipients struct{ Approvers, Escalated []string }

// Recipients returns who gets direct messages: nobody where the configuration does not want any.
// It asks Slack who is in the configured user groups.
func (d *Directory) Recipients(ctx context.Context) (found Recipients, err error) {
	if !d.config.Notify.Direct() {
		return Recipients{}, nil
	}
	if found.Approvers, err = d.each(ctx, d.config.Approvers); err != nil {
		return Recipients{}, err
	}
	found.Escalated, err = d.each(ctx, d.config.EscalateTo)
	return found, err
}

// each returns the people in a list of people and user groups, each once. Members of a group are
// sorted by id.
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
