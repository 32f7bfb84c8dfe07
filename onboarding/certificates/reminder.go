package certificates

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Posted is a reminder that was handed over for posting, which happens once.
type Posted struct {
	Domain string
	// Subject is what it is about: a certificate's serial, or when a fault began.
	Subject string
	// About is the threshold, the fault with a prefix, or that all is well again.
	About Threshold
}

// What a reminder is about besides thresholds.
const (
	AllClear    Threshold = "all clear"
	faultPrefix Threshold = "fault/"
	clearPrefix Threshold = "clear/"
)

// ofCertificate says whether it is a threshold that a certificate passes.
func (t Threshold) ofCertificate() bool {
	return t != AllClear && !strings.HasPrefix(string(t), string(faultPrefix)) && !strings.HasPrefix(string(t), string(clearPrefix))
}

// Reminder is one message that is due.
type Reminder struct {
	Posted
	Level    Level
	Sentence string
	// Certificate is the one that the reminder is about, for an all-clear the new one; nil for faults.
	Certificate *Certificate
}

// OpenFault is a fault that lasts, with its beginning.
type OpenFault struct {
	Fault
	Since time.Time
}

// Past is what is remembered of a site.
type Past struct {
	Posted []Posted
	// Open are the faults that last, and Closed those that were posted and are gone.
	Open, Closed []OpenFault
	// Known are the certificates seen last; they stand in when none is seen now.
	Known []Certificate
}

// Due returns the reminders that are due for a site. It depends on nothing but its arguments: after a week of silence it returns
// the one reminder for where each certificate stands now, not one for each threshold passed meanwhile, and what was posted is never
// due again. patience is how long a fault must last before anybody hears of it.
func (t Thresholds) Due(site SiteReport, past Past, patience time.Duration, now time.Time) []Reminder {
	var due []Reminder
	current := site.Certificates
	if len(current) == 0 {
		current = past.Known
	}
	for _, c := range site.own(current) {
		if reminder, ok := t.dueFor(site, c, past.Posted, now); ok {
			due = append(due, reminder)
		}
	}
	due = append(due, t.allClear(site, past.Posted, now)...)
	for _, open := range past.Open {
		if open.Kind == probe.Expired || open.Kind == Late {
			continue // their thresholds say so
		}
		if open.Severity >= Attention && now.Sub(open.Since) >= patience {
			due = appendNew(due, past.Posted, open.reminder(site.Domain, faultPrefix))
		}
	}
	for _, closed := range past.Closed {
		if slices.Contains(past.Posted, closed.posted(site.Domain, faultPrefix)) {
			due = appendNew(due, past.Posted, closed.reminder(site.Domain, clearPrefix))
		}
	}
	return due
}

// dueFor is the reminder for the last threshold passed, unless that or a later one was posted.
func (t Thresholds) dueFor(site SiteReport, c Certificate, posted []Posted, now time.Time) (Reminder, bool) {
	renewBefore := site.RenewBefore(c)
	passed := t.passed(c, renewBefore, now)
	if len(passed) == 0 {
		return Reminder{}, false
	}
	marks := t.marks(c, renewBefore)
	for _, later := range marks[len(passed)-1:] {
		if slices.Contains(posted, Posted{site.Domain, c.Serial, later.threshold}) {
			return Reminder{}, false
		}
	}
	latest := passed[len(passed)-1]
	return Reminder{
		Posted:      Posted{site.Domain, c.Serial, latest.threshold},
		Level:       latest.level,
		Sentence:    t.sentence(site, c, latest, now),
		Certificate: &c,
	}, true
}

func (t Thresholds) sentence(site SiteReport, c Certificate, m mark, now time.Time) string {
	subject := "The " + site.which(c) + " of " + site.Shown()
	switch m.threshold {
	case Expired:
		return fmt.Sprintf("%s expired on %s.", subject, day(c.NotAfter))
	case Overdue:
		return fmt.Sprintf("%s should have been renewed by %s and was not. It is valid for another %s, until %s.",
			subject, day(t.RenewalDue(c, site.RenewBefore(c))), Span(c.Left(now)), day(c.NotAfter))
	}
	return fmt.Sprintf("%s is still not renewed and is valid for only another %s, until %s.", subject, Span(c.Left(now)), day(c.NotAfter))
}

// allClear is due once for each certificate that somebody heard of, when visitors no longer get it anywhere and what they get instead
// needs no reminder.
func (t Thresholds) allClear(site SiteReport, posted []Posted, now time.Time) []Reminder {
	own := site.own(site.Certificates)
	if len(own) == 0 {
		return nil
	}
	for _, c := range own {
		if len(t.passed(c, site.RenewBefore(c), now)) > 0 {
			return nil
		}
	}
	var due []Reminder
	fresh := slices.MaxFunc(own, func(a, b Certificate) int { return a.NotBefore.Compare(b.NotBefore) })
	for _, old := range posted {
		served := slices.ContainsFunc(site.Certificates, func(c Certificate) bool { return c.Serial == old.Subject })
		if old.Domain != site.Domain || served || !old.About.ofCertificate() {
			continue
		}
		due = appendNew(due, posted, Reminder{
			Posted:      Posted{site.Domain, old.Subject, AllClear},
			Level:       Quiet,
			Sentence:    fmt.Sprintf("The certificate of %s was renewed: visitors get the new one, valid until %s.", site.Shown(), day(fresh.NotAfter)),
			Certificate: &fresh,
		})
	}
	return due
}

func (f OpenFault) posted(domain string, prefix Threshold) Posted {
	return Posted{domain, f.Since.UTC().Format(time.RFC3339Nano), prefix + Threshold(f.Kind)}
}

func (f OpenFault) reminder(domain string, prefix Threshold) Reminder {
	reminder := Reminder{Posted: f.posted(domain, prefix), Level: Notice, Sentence: upper(f.Sentence) + "."}
	switch {
	case prefix == clearPrefix:
		reminder.Level, reminder.Sentence = Quiet, "No longer so: "+strings.TrimSuffix(f.Sentence, reloadAdvice)+"."
	case f.Severity == Critical:
		reminder.Level = Urgent
	}
	return reminder
}

func appendNew(due []Reminder, posted []Posted, reminder Reminder) []Reminder {
	known := slices.Contains(posted, reminder.Posted) || slices.ContainsFunc(due, func(r Reminder) bool { return r.Posted == reminder.Posted })
	if known {
		return due
	}
	return append(due, reminder)
}

func upper(sentence string) string {
	if sentence == "" {
		return ""
	}
	if first := sentence[0]; first >= 'a' && first <= 'z' && !strings.Contains(strings.SplitN(sentence, " ", 2)[0], ".") {
		return string(first-'a'+'A') + sentence[1:]
	}
	return sentence
}

// Span is a duration as people say it, in whole units of which there are at least three.
func Span(d time.Duration) string {
	whole, hours, minutes := int64(d/(24*time.Hour)), int64(d/time.Hour), int64(d/time.Minute)
	switch {
	case whole >= 3:
		return count(whole, "day")
	case hours >= 3:
		return count(hours, "hour")
	case minutes >= 3:
		return count(minutes, "minute")
	}
	return count(int64(max(d, 0)/time.Second), "second")
}

func count(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// Clears says that a reminder is good news.
func (p Posted) Clears() bool {
	return p.About == AllClear || strings.HasPrefix(string(p.About), string(clearPrefix))
}

// Fault returns what kind of fault a reminder is about, false where it is about the age of a certificate or good news.
func (p Posted) Fault() (Kind, bool) {
	kind, found := strings.CutPrefix(string(p.About), string(faultPrefix))
	return Kind(kind), found
}
