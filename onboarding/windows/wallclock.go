package windows

import (
	"errors"
	"time"
)

// Clock is how often a time of day comes on a day: once, except where clocks are changed.
type Clock string

// A wall clock shows most times once. It skips some when it goes forward, and shows some twice
// when it goes back.
const (
	Once    Clock = "once"
	Skipped Clock = "skipped"
	Twice   Clock = "twice"
)

// At returns the moment at which the clocks of a zone show a date and a time of day, which are
// given as if they were UTC. Of a time that comes twice it is the first. A time that is skipped
// counts as if the clocks had not gone forward yet, so 02:30 becomes 03:30 (RFC 5545 §3.3.5, and
// §3.3.10 for recurrences).
func At(wall time.Time, zone *time.Location) (time.Time, Clock) {
	y, m, d := wall.Date()
	guess := time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	if !onClock(guess).Equal(wall) {
		// The guess may be on either side of the gap. If it is after it, it has the offset from
		// before.
		if onClock(guess).Before(wall) {
			guess = withOffsetOf(wall, guess)
		}
		return guess.In(zone), Skipped
	}
	began, ends := guess.ZoneBounds()
	if !began.IsZero() {
		if earlier := withOffsetOf(wall, began.Add(-1)); earlier.Before(began) {
			return earlier.In(zone), Twice
		}
	}
	if !ends.IsZero() {
		if later := withOffsetOf(wall, ends); !later.Before(ends) {
			return guess, Twice
		}
	}
	return guess, Once
}

// onClock is what the clocks show at a moment in its zone, as if it were UTC.
func onClock(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// withOffsetOf is a time of the clocks with the offset from UTC that holds at a moment.
func withOffsetOf(wall, moment time.Time) time.Time {
	_, offset := moment.Zone()
	return wall.Add(-time.Duration(offset) * time.Second)
}

// Zone returns a time zone by its name, such as Europe/Berlin. The empty name is UTC.
func Zone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, errors.New("the zone Local is that of a machine, and nobody sees which one")
	}
	return time.LoadLocation(name)
}

// Text is a moment in its own time zone, for people: "Sat 28 Nov 02:00 Europe/Berlin".
func Text(t time.Time) string {
	if t.Location() == time.Local {
		t = t.UTC()
	}
	return t.Format("Mon 2 Jan 15:04 ") + t.Location().String()
}
