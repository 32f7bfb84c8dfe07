package certificates

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Thresholds say when people are reminded of a certificate that is not renewed. They are fractions
// of its lifetime, which authorities keep shortening, and not days.
type Thresholds struct {
	// Renewal is the fraction of the lifetime left at which the host should renew, if neither the
	// authority (RFC 9773) nor certbot's configuration says when. Default as in certbot: 1/3, and
	// 1/2 of lifetimes under ten days.
	Renewal float64 `yaml:"renewal"`
	// Grace is the fraction of the lifetime by which a renewal may be late before it is overdue:
	// certbot's timer runs twice a day, at random times. Default 1/30, three days of 90.
	Grace float64 `yaml:"grace"`
	// Left are the fractions of the lifetime left at which reminders follow, in falling order.
	// Default 1/4, 1/8, 1/16.
	Left []float64 `yaml:"left"`
	// Last is the time left at which the last reminder before expiry comes. It does not apply to a
	// certificate so short-lived that it would come before the first of Left. Default 24h.
	Last time.Duration `yaml:"last"`
}

const shortLived = 10 * 24 * time.Hour

// WithDefaults fills in what is not set.
func (t Thresholds) WithDefaults() Thresholds {
	t.Grace = cmp.Or(t.Grace, 1.0/30)
	if len(t.Left) == 0 {
		t.Left = []float64{1.0 / 4, 1.0 / 8, 1.0 / 16}
	}
	t.Last = cmp.Or(t.Last, 24*time.Hour)
	return t
}

// Validate reports every problem, each with the field's name.
func (t Thresholds) Validate() error {
	t = t.WithDefaults()
	var problems []error
	if !(t.Renewal >= 0 && t.Renewal < 1) {
		problems = append(problems, fmt.Errorf("renewal: %v is not a fraction between 0 and 1", t.Renewal))
	}
	if !(t.Grace > 0 && t.Grace < 1) {
		problems = append(problems, fmt.Errorf("grace: %v is not a fraction between 0 and 1", t.Grace))
	}
	before := 1.0
	for i, left := range t.Left {
		if !(left > 0 && left < before) {
			problems = append(problems, fmt.Errorf("left[%d]: %v is not a fraction between 0 and the one before it", i,
				left))
		}
		before = left
	}
	if t.Last < 0 {
		problems = append(problems, fmt.Errorf("last: %s is negative", t.Last))
	}
	return errors.Join(problems...)
}

// Threshold names what a reminder is about: "overdue", a fraction left such as "1/8", "last" or
// "expired".
type Threshold string

// The thresholds that are not fractions.
const (
	Overdue Threshold = "overdue"
	Last    Threshold = "last"
	Expired Threshold = "expired"
)

// Level is how urgent a reminder is.
type Level string

// The levels, rising.
const (
	Quiet  Level = "quiet"  // a line in the thread
	Notice Level = "notice" // a message that stands out
	Urgent Level = "urgent" // a message that mentions the approvers
)

// mark is a threshold of one certificate, with the time at which it is passed.
type mark struct {
	threshold Threshold
	level     Level
	at        time.Time
}

// RenewalDue is when the host should have renewed the certificate: at the end of the window that
// the authority suggests; else renewBefore its expiry, which is what certbot's configuration says,
// 0 for nothing; else at the configured fraction.
func (t Thresholds) RenewalDue(c Certificate, renewBefore time.Duration) time.Time {
	switch {
	case c.Window != nil:
		return c.Window.End
	case renewBefore > 0:
		return c.NotAfter.Add(-min(renewBefore, c.Lifetime()))
	case t.Renewal > 0:
		return c.NotAfter.Add(-part(c.Lifetime(), t.Renewal))
	case c.Lifetime() < shortLived:
		return c.NotAfter.Add(-part(c.Lifetime(), 1.0/2))
	}
	return c.NotAfter.Add(-part(c.Lifetime(), 1.0/3))
}

// marks are a certificate's thresholds in the order in which it passes them. An authority may
// suggest a late renewal; that does not delay the fractions: overdue is left out unless it comes
// before the first of them.
func (t Thresholds) marks(c Certificate, renewBefore time.Duration) []mark {
	t = t.WithDefaults()
	var marks []mark
	for i, left := range t.Left {
		level := Notice
		if i == len(t.Left)-1 {
			level = Urgent
		}
		marks = append(marks, mark{fraction(left), level, c.NotAfter.Add(-part(c.Lifetime(), left))})
	}
	first := marks[0].at
	if overdue := t.RenewalDue(c, renewBefore).Add(part(c.Lifetime(), t.Grace)); overdue.Before(first) {
		marks = append(marks, mark{Overdue, Quiet, overdue})
	}
	if last := c.NotAfter.Add(-t.Last); last.After(first) {
		marks = append(marks, mark{Last, Urgent, last})
	}
	marks = append(marks, mark{Expired, Urgent, c.NotAfter})
	slices.SortStableFunc(marks, func(a, b mark) int { return a.at.Compare(b.at) })
	return marks
}

// passed are the marks in the past, the latest last.
func (t Thresholds) passed(c Certificate, renewBefore time.Duration, now time.Time) []mark {
	marks := t.marks(c, renewBefore)
	for i, mark := range marks {
		if mark.at.After(now) {
			return marks[:i]
		}
	}
	return marks
}

// Passed returns the latest threshold that a certificate has passed, with its level. It returns
// false if it has passed none.
func (t Thresholds) Passed(c Certificate, renewBefore time.Duration, now time.Time) (Threshold, Level, bool) {
	passed := t.passed(c, renewBefore, now)
	if len(passed) == 0 {
		return "", "", false
	}
	latest := passed[len(passed)-1]
	return latest.threshold, latest.level, true
}

func part(whole time.Duration, fraction float64) time.Duration {
	return time.Duration(math.Round(float64(whole) * fraction))
}

// fraction names the threshold at a fraction left: 1/n if it is one, else the decimal fraction.
func fraction(left float64) Threshold {
	if n := math.Round(1 / left); math.Abs(1/n-left) < 1e-9 {
		return Threshold("1/" + strconv.Itoa(int(n)))
	}
	return Threshold(strconv.FormatFloat(left, 'g', 3, 64))
}
