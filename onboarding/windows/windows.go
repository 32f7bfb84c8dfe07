// Package windows computes when changes may be applied: in windows that recur by a rule of RFC
// 5545 in a time zone, and outside of freezes that recur likewise. It knows no runs and no clock.
package windows

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for machines without a database of time zones

	"github.com/teambition/rrule-go"
)

// Window is a time that recurs, and what it is about.
type Window struct {
	// Kinds are the kinds of steps, such as certificate. Default: all.
	Kinds []string `yaml:"kinds"`
	// Hosts are the names of hosts: what runs on one, and what is for a domain on it. Default: all
	// changes.
	Hosts []string `yaml:"hosts"`
	// Rule says when the window begins, as a recurrence rule (RFC 5545 §3.3.10) by day, week,
	// month or year, such as FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=2. Required.
	Rule string `yaml:"rule"`
	// Start is the date and time from which the rule counts, such as 2026-01-05T02:00: DTSTART.
	// What the rule does not say is that of the start. Default: 2024-01-01T00:00, a Monday.
	Start string `yaml:"start"`
	// Duration is how long the window is open, by the clocks of its zone. Required.
	Duration time.Duration `yaml:"duration"`
	// TimeZone is the time zone of Rule and Start, such as Europe/Berlin. Default: UTC.
	TimeZone string `yaml:"time_zone"`
}

const (
	startForm    = "2006-01-02T15:04"
	defaultStart = "2024-01-01T00:00"
	// horizon is how far ahead a window is looked for. Leap days can be eight years apart.
	horizon = 9 * 366 * 24 * time.Hour
	// maxRule bounds a rule, in bytes, and maxInterval its INTERVAL.
	maxRule     = 500
	maxInterval = 1000
)

// Limits of the duration of a window.
const (
	MinDuration = time.Minute
	MaxDuration = 31 * 24 * time.Hour
)

// Period is one occurrence of a window. Its times are in the window's zone.
type Period struct{ Begin, End time.Time }

func (p Period) contains(t time.Time) bool { return !t.Before(p.Begin) && t.Before(p.End) }

// Periods returns the occurrences of a window that end after a time, in their order, up to nine
// years later. A window that cannot be read has none; see [Calendar.Validate].
//
// A window begins by the clocks of its zone, see [At], and ends by them too: one from Saturday
// 00:00 for 48h ends on Monday 00:00, also where a day in between has 23 or 25 hours. If the
// clocks skip its beginning, it is open for its duration.
func (w Window) Periods(after time.Time) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		zone, option, err := w.parse()
		if err != nil {
			return
		}
		// The rule is evaluated on the clocks alone, as if they were UTC: offsets come afterwards.
		earliest := onClock(after.In(zone)).Add(-w.Duration - 48*time.Hour)
		if latest := onClock(after.In(zone)).Add(horizon); option.Until.IsZero() || option.Until.After(latest) {
			option.Until = latest
		}
		forward(option, earliest)
		rule, err := rrule.NewRRule(*option)
		if err != nil {
			return
		}
		next := rule.Iterator()
		for wall, more := next(); more; wall, more = next() {
			if wall.Before(earliest) {
				continue
			}
			if period := w.period(wall, zone); period.End.After(after) && !yield(period) {
				return
			}
		}
	}
}

// forward moves the start of a rule by day or week close to a time, by whole intervals, so nothing
// has to be counted up to it. A COUNT counts from the start.
func forward(option *rrule.ROption, earliest time.Time) {
	days := map[rrule.Frequency]int{rrule.DAILY: 1, rrule.WEEKLY: 7}[option.Freq] * max(option.Interval, 1)
	if passed := earliest.Sub(option.Dtstart); days > 0 && option.Count == 0 && passed > 0 {
		whole := int(passed/(24*time.Hour)) / days
		option.Dtstart = option.Dtstart.AddDate(0, 0, whole*days)
	}
}

// period is the occurrence that begins at a time of the clocks.
func (w Window) period(wall time.Time, zone *time.Location) Period {
	begin, clock := At(wall, zone)
	if clock == Skipped {
		return Period{begin, begin.Add(w.Duration)}
	}
	end, _ := At(wall.Add(w.Duration), zone)
	return Period{begin, end}
}

// parse reads the zone and the rule. The times of the rule are those of the clocks, as if they
// were UTC.
func (w Window) parse() (*time.Location, *rrule.ROption, error) {
	zone, err := Zone(w.TimeZone)
	if err != nil {
		return nil, nil, fmt.Errorf("time_zone: %q is not a time zone such as Europe/Berlin", w.TimeZone)
	}
	start := cmp.Or(w.Start, defaultStart)
	from, err := time.Parse(startForm, start)
	if err != nil || from.Year() < 1970 || from.Year() > 2200 {
		return nil, nil, fmt.Errorf("start: %q is not a date and time such as %s", w.Start, defaultStart)
	}
	if w.Rule == "" || len(w.Rule) > maxRule || strings.ContainsAny(w.Rule, "\r\n:") {
		return nil, nil, errors.New("rule: write one rule such as FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=2; " +
			"the key start is for DTSTART")
	}
	option, err := rrule.StrToROptionInLocation(strings.ToUpper(w.Rule), zone)
	if err != nil {
		return nil, nil, fmt.Errorf("rule: %q is not a recurrence rule (RFC 5545 §3.3.10) such as "+
			"FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=2: %w", w.Rule, err)
	}
	if option.Interval < 0 || option.Interval > maxInterval || option.Count < 0 {
		return nil, nil, fmt.Errorf("rule: INTERVAL is not between 1 and %d, or COUNT is negative", maxInterval)
	}
	if !slices.Contains([]rrule.Frequency{rrule.DAILY, rrule.WEEKLY, rrule.MONTHLY, rrule.YEARLY}, option.Freq) {
		return nil, nil, errors.New("rule: FREQ is not one of DAILY, WEEKLY, MONTHLY and YEARLY")
	}
	if !option.Until.IsZero() {
		option.Until = onClock(option.Until.In(zone))
	}
	option.Dtstart = from
	if _, err := rrule.NewRRule(*option); err != nil {
		return nil, nil, fmt.Errorf("rule: %w", err)
	}
	return zone, option, nil
}

// validate reports every problem of a window, each with its key.
func (w Window) validate() (problems []error) {
	zone, option, err := w.parse()
	if err != nil {
		problems = append(problems, err)
	}
	if w.Duration < MinDuration || w.Duration > MaxDuration {
		problems = append(problems, fmt.Errorf("duration: %s is not between %s and %s", w.Duration, MinDuration,
			MaxDuration))
	}
	if len(problems) > 0 {
		return problems
	}
	begin, _ := At(option.Dtstart, zone)
	for range w.Periods(begin.Add(-time.Second)) {
		return nil
	}
	return []error{fmt.Errorf("rule: %q never comes: no date fits it from its start on", w.Rule)}
}

// concerns reports whether a window covers a change.
func (w Window) concerns(change Change) bool {
	return (len(w.Kinds) == 0 || slices.Contains(w.Kinds, change.Kind)) &&
		(len(w.Hosts) == 0 || slices.ContainsFunc(w.Hosts, func(host string) bool {
			return slices.Contains(change.Hosts, host)
		}))
}
