package config

import (
	"errors"
	"fmt"

	"github.com/atlilith/onboardbot/commands/access"
)

// The sections of isolation: what a check needs, and what reports need in addition.
var (
	Isolation Section = func(c *Config) (string, error) {
		return "isolation", c.Isolation.Validate(c.Platform.LoginRole)
	}
	Reports Section = func(c *Config) (string, error) { return "isolation", c.reports() }
)

func (c *Config) isolationDefaults() {
	channel := ""
	if len(c.Commands.Channels) > 0 {
		channel = c.Commands.Channels[0]
	}
	c.Isolation.Defaults(channel)
}

// reports validates the schedule and the channel of reports.
func (c *Config) reports() error {
	err := c.Isolation.ValidateSchedule()
	if channel := c.Isolation.Channel; channel != "" && !access.IsChannel(channel) {
		err = errors.Join(err, fmt.Errorf("channel: %q is not the id of a channel, such as C0123ABCD", channel))
	}
	return err
}
