package certificates

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Posted identifies a reminder. The same one is handed over for posting only once. It is stored in
// the database.
type Posted struct {
	Domain string
	// Subject is the serial of the certificate, or the time at which the fault began.
	Subject string
	// About is the threshold, or one of the following.
	About Threshold
}

// What a reminder is about if not a threshold.
const (
	AllClear    Threshold = "all clear" // the certificate was renewed
	faultPrefix Threshold = "fault/"    // the fault of this kind began
	clearPrefix Threshold = "clear/"    // the fault of this kind ended
)

// ofCertificate reports whether it is a threshold that a certificate passes.
func (t Threshold) ofCertificate() bool {
	return t != AllClear && !strings.HasPrefix(string(t), string(faultPrefix)) &&
		!strings.HasPrefix(string(t), string(clearPrefix))
}

// Reminder is one message that is to be posted.
type Reminder struct {
	Posted
	Level    Level
	Sentence string
	// Certificate is the one that the reminder is about, or the new one if it was renewed. It is
	// nil for faults.
	Certificate *Certificate
}

// OpenFault is a fault with the time at which it was first seen.
type OpenFault struct {
	Fault
	Since time.Time
}

// Past is what is stored about a site.
type Past struct {
	Posted []Posted
	// Open are the faults that last, Closed those that ended lately.
	Open, Closed []OpenFault
	// Known are the certificates that were seen last. They are used when none is seen now.
	Known []Certificate
}

// Due returns the reminders that are due for a site at a time. It depends on its arguments only.
// What was posted is never due again. After a week in which nothing ran it returns one reminder
// for each certificate, for the latest threshold, and not one for each threshold passed in that
// week.
func (c Config) Due(site SiteReport, past Past, now time.Time) []Reminder {
	var due []Reminder
	current := site.Certificates
	if len(current) == 0 {
		current = past.Known
	}
	for _, certificate := range site.Own(current) {
		if reminder, ok := c.Thresholds.dueFor(site, certificate, past.Posted, now); ok {
			due = append(due, reminder)
		}
	}
	due = append(due, c.Thresholds.allClear(site, past.Posted, now)...)
	for _, open := range past.Open {
		if open.Kind == probe.Expired || open.Kind == Late {
			continue // the thresholds cover these
		}
		if open.Severity >= Attention && now.Sub(open.Since) >= c.Patience {
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

// dueFor returns the reminder for the latest threshold that a certificate passed, unless that or a
// later one was posted.
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
	subject := "The " + site.Describe(c) + " of " + site.Shown()
	switch m.threshold {
	case Expired:
		return fmt.Sprintf("%s expired on %s.", subject, Time(c.NotAfter))
	case Overdue:
		return fmt.Sprintf("%s should have been renewed by %s and was not. It is valid for another %s, until %s.",
			subject, Time(t.RenewalDue(c, site.RenewBefore(c))), Span(c.Left(now)), Time(c.NotAfter))
	}
	return fmt.Sprintf("%s is still not renewed and is valid for only another %s, until %s.",
		subject, Span(c.Left(now)), Time(c.NotAfter))
}

// allClear returns a reminder for each certificate that was posted about, once visitors no longer
// get it anywhere and no certificate that they get instead has passed a threshold.
func (t Thresholds) allClear(site SiteReport, posted []Posted, now time.Time) []Reminder {
	own := site.Own(site.Certificates)
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
			Posted: Posted{site.Domain, old.Subject, AllClear},
			Level:  Quiet,
			Sentence: fmt.Sprintf("The certificate of %s was renewed: visitors get the new one, valid until %s.",
				site.Shown(), Time(fresh.NotAfter)),
			Certificate: &fresh,
		})
	}
	return due
}

func (f OpenFault) posted(domain string, prefix Threshold) Posted {
	return Posted{domain, f.Since.UTC().Format(time.RFC3339Nano), prefix + Threshold(f.Kind)}
}

func (f OpenFault) reminder(domain string, prefix Threshold) Reminder {
	reminder := Reminder{Posted: f.posted(domain, prefix), Level: Notice, Sentence: capitalize(f.Sentence) + "."}
	switch {
	case prefix == clearPrefix:
		reminder.Level, reminder.Sentence = Quiet, "Resolved: "+strings.TrimSuffix(f.Sentence, ReloadAdvice)+"."
	case f.Severity == Critical:
		reminder.Level = Urgent
	}
	return reminder
}

// appendNew appends a reminder unless it was posted or is due already.
func appendNew(due []Reminder, posted []Posted, reminder Reminder) []Reminder {
	isDue := slices.ContainsFunc(due, func(r Reminder) bool { return r.Posted == reminder.Posted })
	if isDue || slices.Contains(posted, reminder.Posted) {
		return due
	}
	return append(due, reminder)
}

// Clears reports whether the reminder says that something is well again.
func (p Posted) Clears() bool {
	return p.About == AllClear || strings.HasPrefix(string(p.About), string(clearPrefix))
}

// Fault returns the kind of fault that the reminder is about. It returns false if it is about the
// age of a certificate, or says that something is well again.
func (p Posted) Fault() (Kind, bool) {
	kind, found := strings.CutPrefix(string(p.About), string(faultPrefix))
	return Kind(kind), found
}
