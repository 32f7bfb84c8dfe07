package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/commands/access"
)

// Watch are the sections that looking at certificates needs, beside the bot's own database.
var Watch = []Section{Own, watching("hosts"), watching("probe"), watching("certificates")}

// watching is one of the sections of [runbook.Config.ValidateWatch].
func watching(section string) Section {
	return func(c *Config) (string, error) { return section, only(section, c.Config.ValidateWatch()) }
}

// only returns the problems below a key, without it.
func only(key string, err error) error {
	var problems []error
	for line := range strings.Lines(fmt.Sprint(err)) {
		if problem, found := strings.CutPrefix(strings.TrimSpace(line), key+"."); found {
			problems = append(problems, errors.New(problem))
		}
	}
	return errors.Join(problems...)
}

// Reminders are about where people hear of certificates.
var Reminders Section = func(c *Config) (string, error) {
	switch channel := c.Certificates.Channel; {
	case channel == "":
		return "certificates", errors.New("channel: is missing: the id of the channel for reminders that have no thread, since commands.channels names none")
	case !access.IsChannel(channel):
		return "certificates", fmt.Errorf("channel: %q is not the id of a channel, such as C0123ABCD", channel)
	}
	return "certificates", nil
}
