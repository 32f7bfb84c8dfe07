package certificates

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/internal/joined"
	"github.com/atlilith/onboardbot/internal/schedule"
)

// Config says how sites are checked and judged.
type Config struct {
	// Thresholds say when people are reminded.
	Thresholds Thresholds `yaml:"thresholds"`
	// Limits are those of the certificate authority.
	Limits Limits `yaml:"limits"`
	// Parallel is how many observations run at the same time. Default 128.
	Parallel int `yaml:"parallel"`
	// PerHost is how many of them go to the same address. Default 32, which is no more than a few
	// visitors cause.
	PerHost int `yaml:"per_host"`
	// ClockSkew is how much a host's clock and this machine's may differ. Default 5m.
	ClockSkew time.Duration `yaml:"clock_skew"`
	// Patience is how long a fault must last before people are reminded of it. Default 15m.
	Patience time.Duration `yaml:"patience"`
}

// WithDefaults fills in what is not set.
func (c Config) WithDefaults() Config {
	c.Thresholds, c.Limits = c.Thresholds.WithDefaults(), c.Limits.WithDefaults()
	c.Parallel, c.PerHost = cmp.Or(c.Parallel, 128), cmp.Or(c.PerHost, 32)
	c.ClockSkew, c.Patience = cmp.Or(c.ClockSkew, 5*time.Minute), cmp.Or(c.Patience, 15*time.Minute)
	return c
}

// Validate reports every problem, each with the field's name.
func (c Config) Validate() error {
	c = c.WithDefaults()
	wrong := slices.Concat(joined.Under("thresholds", c.Thresholds.Validate()),
		joined.Under("limits", c.Limits.Validate()))
	if c.Parallel < 1 {
		wrong = append(wrong, fmt.Errorf("parallel: %d is not positive", c.Parallel))
	}
	if c.PerHost < 1 {
		wrong = append(wrong, fmt.Errorf("per_host: %d is not positive", c.PerHost))
	}
	if c.ClockSkew < 0 {
		wrong = append(wrong, fmt.Errorf("clock_skew: %s is negative", c.ClockSkew))
	}
	if c.Patience < 0 {
		wrong = append(wrong, fmt.Errorf("patience: %s is negative", c.Patience))
	}
	return errors.Join(wrong...)
}

// Settings are what operators configure about certificates: how, what and when to check.
type Settings struct {
	Config `yaml:",inline"`
	// Extra are sites to watch beside those that a run made live. Default: none.
	Extra []Site `yaml:"extra"`
	// Interval is how often all sites are checked. Default 1h.
	Interval time.Duration `yaml:"interval"`
	// Channel receives the digest, and the reminders that belong to no run. Default: the first of
	// commands.channels.
	Channel string `yaml:"channel"`
	// Digest is when the state of all certificates is summed up. Default: never.
	Digest schedule.Schedule `yaml:"digest"`
}

// WithDefaults fills in what is not set.
func (s Settings) WithDefaults() Settings {
	s.Config = s.Config.WithDefaults()
	s.Interval = cmp.Or(s.Interval, time.Hour)
	s.Digest.Cron = cmp.Or(s.Digest.Cron, schedule.Never)
	s.Digest.TimeZone = cmp.Or(s.Digest.TimeZone, "UTC")
	return s
}

// Validate reports every problem, each with the field's name.
func (s Settings) Validate() error {
	s = s.WithDefaults()
	wrong := []error{s.Config.Validate()}
	known := make(map[string]bool)
	for i, site := range s.Extra {
		canonical, err := site.Canonical()
		if err != nil {
			wrong = append(wrong, fmt.Errorf("extra[%d].%w", i, err))
		} else if known[canonical.Domain] {
			wrong = append(wrong, fmt.Errorf("extra[%d].domain: %s is named twice", i, site.Domain))
		}
		known[canonical.Domain] = true
	}
	if s.Interval < time.Second {
		wrong = append(wrong, fmt.Errorf("interval: %s is less than 1s", s.Interval))
	}
	return errors.Join(append(wrong, joined.Under("digest", s.Digest.Validate())...)...)
}
