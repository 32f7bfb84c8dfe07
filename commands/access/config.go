package access

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Config says where the command may be used and by whom.
type Config struct {
	// Command is the slash command, as the app's manifest names it. Default: /onboard.
	Command string `yaml:"command"`
	// Channels are the ids (C…, G…) of the channels in which runs may be requested. Default:
	// none, which means any channel that is not a direct message.
	Channels []string `yaml:"channels"`
	// Operators are the ids of people (U…, W…) and user groups (S…) that may ask for runs and
	// steer them.
	Operators []string `yaml:"operators"`
	// Approvers are the ids of people (U…, W…) and user groups (S…) that may decide on changes of
	// others.
	Approvers []string `yaml:"approvers"`
	// Notify is where approvers hear of a question: thread mentions them there, dm sends each the
	// question with its buttons, both does both. Default: thread.
	Notify Notify `yaml:"notify"`
	// EscalateTo are the ids of people and user groups that hear of a question which stays open
	// for onboarding.escalate_after. From then on they may decide on it. Default: none.
	EscalateTo []string `yaml:"escalate_to"`
	// Hosts are the names of the VPSes that a domain may point at, the one for domains that name
	// none first. The wiring takes them from the runbook's configuration.
	Hosts []string `yaml:"-"`
}

// Defaults fills what is not set.
func (c *Config) Defaults() {
	c.Command = cmp.Or(c.Command, "/onboard")
	if c.Notify == "" {
		c.Notify = NotifyThread
	}
}

var (
	commandForm = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)
	channelForm = regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`)
	personForm  = regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)
	groupForm   = regexp.MustCompile(`^S[A-Z0-9]{2,}$`)
)

// Validate reports every value that cannot stand, each with its key.
func (c *Config) Validate() error {
	var problems []error
	if !commandForm.MatchString(c.Command) {
		problems = append(problems, fmt.Errorf("command: %q is not a slash command, such as /onboard", c.Command))
	}
	for i, id := range c.Channels {
		if !channelForm.MatchString(id) {
			problems = append(problems, fmt.Errorf("channels[%d]: %q is not the id of a channel, such as C0123ABCD",
				i, id))
		}
	}
	for _, list := range []struct {
		key      string
		ids      []string
		required bool
	}{{"operators", c.Operators, true}, {"approvers", c.Approvers, true}, {"escalate_to", c.EscalateTo, false}} {
		if len(list.ids) == 0 && list.required {
			problems = append(problems, fmt.Errorf("%s: name at least one person or user group", list.key))
		}
		for i, id := range list.ids {
			if !personForm.MatchString(id) && !groupForm.MatchString(id) {
				problems = append(problems,
					fmt.Errorf("%s[%d]: %q is not the id of a person (U…) or a user group (S…)", list.key, i, id))
			}
		}
	}
	if !slices.Contains([]Notify{NotifyThread, NotifyDirect, NotifyBoth}, c.Notify) {
		problems = append(problems, fmt.Errorf("notify: %q is not one of thread, dm and both", c.Notify))
	}
	return errors.Join(problems...)
}

// IsChannel says whether an id has the form of a channel's.
func IsChannel(id string) bool { return channelForm.MatchString(id) }

// allows reports whether runs may be requested in a channel.
func (c *Config) allows(channel string) bool {
	if len(c.Channels) == 0 {
		return channelForm.MatchString(channel)
	}
	return slices.Contains(c.Channels, channel)
}

// Notify says where approvers hear about a request for approval.
type Notify string

// In the thread, approvers are mentioned. A direct message has the request itself, with its
// buttons.
const (
	NotifyThread Notify = "thread"
	NotifyDirect Notify = "dm"
	NotifyBoth   Notify = "both"
)

// Mentions reports whether approvers are mentioned in the thread.
func (n Notify) Mentions() bool { return n != NotifyDirect }

// Direct reports whether approvers get direct messages.
func (n Notify) Direct() bool { return n == NotifyDirect || n == NotifyBoth }
