package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/joined"
)

// Watch are the sections that the subcommand certificates needs.
var Watch = []Section{Own, watching("hosts"), watching("probe"), watching("certificates")}

// watching validates one of the keys that [settings.Config.ValidateWatch] looks at.
func watching(section string) Section {
	return func(c *Config) (string, error) { return section, only(section, c.Config.ValidateWatch()) }
}

// only returns the problems of one key, relative to it.
func only(key string, err error) error {
	var problems []error
	for _, one := range joined.Errors(err) {
		if problem, found := strings.CutPrefix(one.Error(), key+"."); found {
			problems = append(problems, errors.New(problem))
		}
	}
	return errors.Join(problems...)
}

// Reminders validates the channel for reminders about certificates.
var Reminders Section = func(c *Config) (string, error) {
	switch channel := c.Certificates.Channel; {
	case channel == "":
		return "certificates", errors.New("channel: is missing: the id of the channel for reminders that have no " +
			"thread, since commands.channels names " +
			"none")
	case !access.IsChannel(channel):
		return "certificates", fmt.Errorf("channel: %q is not the id of a channel, such as C0123ABCD", channel)
	}
	return "certificates", nil
}
