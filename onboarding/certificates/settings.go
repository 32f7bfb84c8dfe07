package certificates

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/internal/schedule"
)

// Settings are what operators decide about the certificates: how sweeps are made and judged, of what, and when.
type Settings struct {
	Config `yaml:",inline"`
	// Extra are the sites to watch that no run made live. Default: none.
	Extra []Site `yaml:"extra"`
	// Interval is how often everything is looked at. Default 1h.
	Interval time.Duration `yaml:"interval"`
	// Channel is where reminders go that have no thread of a run, and the digest. Default: the first of commands.channels.
	Channel string `yaml:"channel"`
	// Digest is when the state of all certificates is summed up. Default: never.
	Digest schedule.Schedule `yaml:"digest"`
}

// WithDefaults fills in what is not given.
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
	problems := []error{s.Config.Validate()}
	known := make(map[string]bool)
	for i, site := range s.Extra {
		canonical, err := site.Canonical()
		if err != nil {
			problems = append(problems, fmt.Errorf("extra[%d].%w", i, err))
		} else if known[canonical.Domain] {
			problems = append(problems, fmt.Errorf("extra[%d].domain: %s is named twice", i, site.Domain))
		}
		known[canonical.Domain] = true
	}
	if s.Interval < time.Second {
		problems = append(problems, fmt.Errorf("interval: %s is less than 1s", s.Interval))
	}
	return errors.Join(append(problems, below("digest", s.Digest.Validate())...)...)
}
