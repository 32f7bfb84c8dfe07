package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/webapi"
)

// Profile is what Slack says about a person. What Slack leaves out is false.
type Profile struct {
	Person
	// Name is the display name, or the real one. People choose it, so show it and decide nothing
	// by it.
	Name  string
	Guest bool
	// Admin is an admin or an owner of the workspace.
	Admin bool
	// Deactivated accounts can still appear in old messages; Bot is any app's user.
	Deactivated, Bot bool
	// Zone is the IANA name of the person's time zone, empty if Slack does not say it.
	Zone string
}

// Directory looks people and user groups up and keeps the answer for Config.DirectoryTTL. It says
// who somebody is; what they may do is decided elsewhere.
type Directory struct {
	workspace *Workspace
	people    *cache[Profile]
	groups    *cache[[]string]
	// oldest is how old an answer may be.
	oldest time.Duration
}

// maxCached bounds each of the directory's caches.
const maxCached = 1000

// NewDirectory makes no call.
func NewDirectory(workspace *Workspace) *Directory {
	return &Directory{workspace: workspace, people: &cache[Profile]{}, groups: &cache[[]string]{},
		oldest: workspace.cfg.DirectoryTTL}
}

// freshFor is how long an answer counts as fresh. Slack allows some 20 calls of
// usergroups.users.list a minute (tier 2), and twenty decisions in a minute are common.
const freshFor = 5 * time.Second

// Fresh returns the same directory for those who must not decide by an old answer: it asks Slack
// again for what it was not told in the last seconds.
func (d *Directory) Fresh() *Directory {
	fresh := *d
	fresh.oldest = min(d.oldest, freshFor)
	return &fresh
}

// Person looks somebody up by id. It fails with [ErrForeignTeam] for anyone who is not of the
// bot's own workspace, and with [ErrUnknownPerson].
func (d *Directory) Person(ctx context.Context, id string) (Profile, error) {
	profile, err := d.people.get(id, d.oldest, func() (Profile, error) { return d.person(ctx, id) })
	if err != nil {
		return Profile{}, fmt.Errorf("person %s: %w", id, err)
	}
	return profile, nil
}

func (d *Directory) person(ctx context.Context, id string) (Profile, error) {
	self, err := d.workspace.Identity(ctx)
	if err != nil {
		return Profile{}, err
	}
	var user *slack.User
	err = webapi.RetryBriefly(ctx, true, func() (err error) {
		user, err = d.workspace.api.GetUserInfoContext(ctx, id)
		return err
	})
	switch {
	case webapi.Code(err) == "user_not_found" || webapi.Code(err) == "user_not_visible":
		return Profile{}, errors.Join(ErrUnknownPerson, err)
	case err != nil:
		return Profile{}, fmt.Errorf("users.info: %w", err)
	case user.ID != id:
		return Profile{}, ErrUnknownPerson
	case user.IsStranger || user.TeamID != self.Team:
		return Profile{}, ErrForeignTeam
	}
	name := cmp.Or(user.Profile.DisplayName, user.RealName)
	return Profile{
		Person:      Person{Team: user.TeamID, ID: user.ID},
		Name:        name,
		Guest:       user.IsRestricted || user.IsUltraRestricted,
		Admin:       user.IsAdmin || user.IsOwner || user.IsPrimaryOwner,
		Deactivated: user.Deleted,
		Bot:         user.IsBot,
		Zone:        user.TZ,
	}, nil
}

// Members are the user ids in a user group (S…); a disabled group has none.
func (d *Directory) Members(ctx context.Context, group string) ([]string, error) {
	members, err := d.groups.get(group, d.oldest, func() (members []string, err error) {
		err = webapi.RetryBriefly(ctx, true, func() error {
			members, err = d.workspace.api.GetUserGroupMembersContext(ctx, group)
			return err
		})
		return members, err
	})
	if err != nil {
		return nil, fmt.Errorf("user group %s: usergroups.users.list: %w", group, err)
	}
	return members, nil
}

// Editor is who changed a user group last, empty if Slack does not say.
func (d *Directory) Editor(ctx context.Context, group string) (string, error) {
	var groups []slack.UserGroup
	err := webapi.RetryBriefly(ctx, true, func() (err error) {
		groups, err = d.workspace.api.GetUserGroupsContext(ctx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("usergroups.list: %w", err)
	}
	for _, found := range groups {
		if found.ID == group {
			return found.UpdatedBy, nil
		}
	}
	return "", nil
}

// cache is a bounded map of answers and when they were given. Errors are not kept.
type cache[V any] struct {
	mu      sync.Mutex
	entries map[string]cached[V]
}

type cached[V any] struct {
	value V
	asked time.Time
}

// get returns the answer that is kept, unless it is older than the caller wants it.
func (c *cache[V]) get(key string, oldest time.Duration, load func() (V, error)) (V, error) {
	asked := time.Now()
	c.mu.Lock()
	entry, ok := c.entries[key]
	c.mu.Unlock()
	if ok && asked.Sub(entry.asked) < oldest {
		return entry.value, nil
	}
	value, err := load()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) >= maxCached {
		// Clearing the map is simpler than choosing entries, and they are cheap to get again.
		c.entries = map[string]cached[V]{}
	}
	// An answer that took long is no newer than one that was asked for meanwhile.
	if asked.After(c.entries[key].asked) {
		c.entries[key] = cached[V]{value: value, asked: asked}
	}
	return value, nil
}
