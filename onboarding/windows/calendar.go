package windows

import (
	"errors"
	"fmt"
	"time"
)

// Change is what a window can be about.
type Change struct {
	Kind  string
	Hosts []string
}

// Calendar says when changes may be applied. A change that no window covers may be applied at any
// time, and any other in one of its windows. Neither may be applied in a freeze that covers it.
type Calendar struct {
	// Windows are when changes may be applied. Default: none.
	Windows []Window `yaml:"windows"`
	// Freezes are when no changes may be applied. Default: none.
	Freezes []Window `yaml:"freezes"`
}

// maxClosed bounds how many windows in a row may be closed by freezes.
const maxClosed = 400

// Opens returns the first time, not before from, at which a change may be applied. It is in the
// zone of the window or freeze that says so. It returns false if there is none in the years to
// come.
func (c Calendar) Opens(change Change, from time.Time) (time.Time, bool) {
	windows, freezes := about(c.Windows, change), about(c.Freezes, change)
	for range maxClosed {
		if len(windows) > 0 {
			window, ok := earliest(windows, from)
			if !ok {
				return time.Time{}, false
			}
			from = later(from.In(window.Begin.Location()), window.Begin)
		}
		freeze, ok := earliest(freezes, from)
		if !ok || !freeze.contains(from) {
			return from, true
		}
		from = freeze.End
	}
	return time.Time{}, false
}

// NextWindow returns the first time after the window that is open now, or after now, at which a
// change may be applied. It returns false if no window covers the change, or none comes.
func (c Calendar) NextWindow(change Change, now time.Time) (time.Time, bool) {
	windows := about(c.Windows, change)
	for range maxClosed {
		window, ok := earliest(windows, now)
		if !ok {
			return time.Time{}, false
		}
		if !window.contains(now) {
			return c.Opens(change, now)
		}
		now = window.End
	}
	return time.Time{}, false
}

// HasWindows reports whether a window covers a change.
func (c Calendar) HasWindows(change Change) bool { return len(about(c.Windows, change)) > 0 }

// about are those of some windows that cover a change.
func about(windows []Window, change Change) (found []Window) {
	for _, window := range windows {
		if window.concerns(change) {
			found = append(found, window)
		}
	}
	return found
}

// earliest returns the occurrence of some windows that begins first of those that end after a
// time.
func earliest(windows []Window, after time.Time) (first Period, ok bool) {
	for _, window := range windows {
		for period := range window.Periods(after) {
			if !ok || period.Begin.Before(first.Begin) {
				first, ok = period, true
			}
			break
		}
	}
	return first, ok
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Validate reports every window that cannot be read or never comes, each with its key.
func (c Calendar) Validate() error {
	var problems []error
	check := func(key string, windows []Window) {
		for i, window := range windows {
			for _, problem := range window.validate() {
				problems = append(problems, fmt.Errorf("%s[%d].%w", key, i, problem))
			}
		}
	}
	check("windows", c.Windows)
	check("freezes", c.Freezes)
	return errors.Join(problems...)
}

// Closed returns the windows, by their indexes, that freezes close each time from a time on, or
// that do not come again.
func (c Calendar) Closed(now time.Time) (closed []int) {
	for i, window := range c.Windows {
		kinds := window.Kinds
		if len(kinds) == 0 {
			kinds = []string{""}
		}
		for _, kind := range kinds {
			alone := Calendar{Windows: []Window{window}, Freezes: c.Freezes}
			if _, ok := alone.Opens(Change{kind, window.Hosts}, now); !ok {
				closed = append(closed, i)
				break
			}
		}
	}
	return closed
}
