// Package schedule computes the times of a cron expression in a time zone. Package ticker does
// something at these times.
package schedule

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // for machines without a database of time zones

	"github.com/robfig/cron/v3"
)

// Never is the expression of a schedule without times.
const Never = "never"

// Schedule is a schedule as operators write it.
type Schedule struct {
	// Cron is minute, hour, day of the month, month and day of the week, such as "0 7 * * *",
	// perhaps with seconds before them; or @hourly, @daily, @weekly, @monthly; or never.
	Cron string `yaml:"cron"`
	// TimeZone is the time zone of the expression, such as Europe/Lisbon. Default: UTC.
	TimeZone string `yaml:"time_zone"`
}

// Validate reports every problem, each with its key.
func (s Schedule) Validate() error {
	_, err := s.Ticks()
	return err
}

const cronFields = cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor

var parser = cron.NewParser(cronFields)

// Ticks returns the times of the schedule, nil for never.
func (s Schedule) Ticks() (*Ticks, error) {
	zone, err := time.LoadLocation(cmp.Or(s.TimeZone, "UTC"))
	if err != nil {
		return nil, fmt.Errorf("time_zone: %q is not a time zone such as Europe/Lisbon", s.TimeZone)
	}
	if s.Cron == Never || s.Cron == "" {
		return nil, nil
	}
	parsed, err := parse(s.Cron)
	if err != nil {
		return nil, fmt.Errorf("cron: %q is no schedule such as \"0 7 * * *\": %w", s.Cron, err)
	}
	parsed.Location = zone
	if parsed.Next(time.Now()).IsZero() {
		return nil, fmt.Errorf("cron: %q never comes; write %s if that is meant", s.Cron, Never)
	}
	return &Ticks{parsed}, nil
}

func parse(expression string) (*cron.SpecSchedule, error) {
	// This comes first, because robfig/cron v3.0.1 panics at a zone without an expression.
	if strings.Contains(expression, "TZ=") {
		return nil, errors.New("the zone is the key time_zone")
	}
	parsed, err := parser.Parse(expression)
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("it has to say when, and not only how often")
	}
	return spec, nil
}

// Ticks are the times of a schedule. A time that the clocks skip in spring does not exist on that
// day.
type Ticks struct{ spec *cron.SpecSchedule }

// Next is the first tick after a time.
func (t *Ticks) Next(after time.Time) time.Time { return t.spec.Next(after) }

// Newest is the last tick after the first time and not after the second, the zero time if there is
// none.
func (t *Ticks) Newest(after, until time.Time) time.Time {
	for span := time.Minute; ; span *= 2 {
		from := until.Add(-span)
		if from.Before(after) {
			from = after
		}
		var newest time.Time
		for tick := t.Next(from); !tick.IsZero() && !tick.After(until); tick = t.Next(tick) {
			newest = tick
		}
		if !newest.IsZero() || from.Equal(after) {
			return newest
		}
	}
}
