package form

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// maxAhead is how far ahead changes can be scheduled. Without a limit, a typing error in the year
// would hold a run for ever.
const maxAhead = 31 * 24 * time.Hour

// atForm is a time of day, perhaps behind a day (today, tomorrow, or a date), and perhaps in front
// of a time zone.
var atForm = regexp.MustCompile(
	`^(?:((?i)today|tomorrow|\d{4}-\d{2}-\d{2})[Tt ]+)?(\d{1,2}:\d{2})(?: +([A-Za-z][A-Za-z0-9_+/-]{0,50}))?$`)

// ParseAt reads when changes may be applied first, by the clocks of the zone that was typed, or
// else of the zone of now. A time without a day is the next one. The problem is a sentence about
// what is wrong, empty if nothing is.
func ParseAt(typed string, now time.Time) (at *onboarding.Moment, clock windows.Clock, problem string) {
	found := atForm.FindStringSubmatch(strings.TrimSpace(typed))
	if found == nil {
		return nil, "", fmt.Sprintf("%s is not a time. Write 02:00, \"tomorrow 02:00\" or 2026-12-01T02:00.",
			mrkdwn.Shorten(typed))
	}
	if found[3] != "" {
		zone, err := windows.Zone(found[3])
		if err != nil {
			return nil, "", fmt.Sprintf("%s is not a time zone such as Europe/Berlin.", mrkdwn.Shorten(found[3]))
		}
		now = now.In(zone)
	}
	days := []string{now.Format(time.DateOnly), now.AddDate(0, 0, 1).Format(time.DateOnly)}
	switch day := strings.ToLower(found[1]); day {
	case "":
	case "today":
		days = days[:1]
	case "tomorrow":
		days = days[1:]
	default:
		days = []string{day}
	}
	var moment time.Time
	for _, day := range days {
		wall, err := time.Parse(time.DateOnly+" 15:04", day+" "+found[2])
		if err != nil {
			return nil, "", fmt.Sprintf("%s is not a date and time that exists.", mrkdwn.Shorten(typed))
		}
		if moment, clock = windows.At(wall, now.Location()); moment.After(now) {
			break
		}
	}
	switch {
	case !moment.After(now):
		return nil, "", fmt.Sprintf("%s has passed. Without a time, each change is applied once it is approved.",
			windows.Text(moment))
	case moment.After(now.Add(maxAhead)):
		return nil, "", fmt.Sprintf("%s is more than 31 days ahead.", windows.Text(moment))
	}
	return &onboarding.Moment{Time: moment.UTC(), Zone: now.Location().String()}, clock, ""
}

// AtText is a time as [ParseAt] reads it, whoever types it on whatever day. It is empty for nil.
func AtText(at *onboarding.Moment) string {
	if at == nil {
		return ""
	}
	return at.In().Format("2006-01-02T15:04 ") + at.Zone
}

// at reads when the changes of a draft may be applied first, nil for at once. A time without a
// zone is in that of now.
func (d Draft) at(now time.Time, problems FieldErrors) *onboarding.Moment {
	if d.At == "" {
		return nil
	}
	at, _, problem := ParseAt(d.At, now)
	problems.Add(blockAt, problem)
	return at
}

// Dated returns the draft with the day and the zone of its time, so it means the same tomorrow and
// to everybody. The hint says how the time was read, empty if it already has both or cannot be
// read.
func (d Draft) Dated(now time.Time) (dated Draft, hint string) {
	at, clock, problem := ParseAt(d.At, now)
	if problem != "" || d.At == AtText(at) {
		return d, ""
	}
	d.At = AtText(at)
	return d, atHint(at, clock, now.Location())
}

// atHint says in whose time zone a time was read, and what is special about it. The zone is that
// of the person.
func atHint(at *onboarding.Moment, clock windows.Clock, zone *time.Location) (hint string) {
	switch {
	case at.Zone != zone.String():
	case zone == time.UTC:
		hint = "The time is in UTC, since Slack does not know your time zone."
	default:
		hint = "The time is in your time zone in Slack."
	}
	switch clock {
	case windows.Skipped:
		hint += " The clocks go forward that night and skip the time that you typed."
	case windows.Twice:
		hint += " The clocks go back that night, so this time comes twice. The first one counts."
	}
	return strings.TrimSpace(hint)
}
