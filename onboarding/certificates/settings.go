package certificates

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
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
	Digest Schedule `yaml:"digest"`
}

// Schedule is when something happens again and again.
type Schedule struct {
	// Cron is minute, hour, day of the month, month and day of the week, such as "0 9 * * MON". Default: never.
	Cron string `yaml:"cron"`
	// TimeZone is where that is meant, such as Europe/Lisbon. Default: UTC.
	TimeZone string `yaml:"time_zone"`
}

// WithDefaults fills in what is not given.
func (s Settings) WithDefaults() Settings {
	s.Config = s.Config.WithDefaults()
	s.Interval = cmp.Or(s.Interval, time.Hour)
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
	return errors.Join(append(problems, s.Digest.validate())...)
}

func (s Schedule) validate() error {
	if _, err := time.LoadLocation(s.TimeZone); err != nil {
		return fmt.Errorf("digest.time_zone: %q is not a time zone such as Europe/Lisbon", s.TimeZone)
	}
	if _, err := s.parse(); err != nil {
		return fmt.Errorf("digest.cron: %q is not a schedule such as \"0 9 * * MON\": %w", s.Cron, err)
	}
	return nil
}

// parse returns nil for never.
func (s Schedule) parse() (cron.Schedule, error) {
	switch {
	case s.Cron == "":
		return nil, nil
	case strings.Contains(s.Cron, "TZ="):
		return nil, errors.New("give the time zone as time_zone")
	case strings.HasPrefix(s.Cron, "@every"):
		return nil, errors.New("it must say when, and not only how often")
	}
	return cron.ParseStandard("CRON_TZ=" + cmp.Or(s.TimeZone, "UTC") + " " + s.Cron)
}

// lastTick returns the latest tick of a schedule that is not older than a span, the zero time if there is none.
func lastTick(schedule cron.Schedule, span time.Duration, now time.Time) (last time.Time) {
	for tick := schedule.Next(now.Add(-span)); !tick.IsZero() && !tick.After(now); tick = schedule.Next(tick) {
		last = tick
	}
	return last
}
