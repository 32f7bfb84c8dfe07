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

// maxAhead is how far ahead changes can be scheduled. Without a limit, a typing error in the year would
// hold a run for ever.
const maxAhead = 31 * 24 * time.Hour

// atForm is a time of day, perhaps behind a day: today, tomorrow, or a date.
var atForm = regexp.MustCompile(`^(?:(today|tomorrow|\d{4}-\d{2}-\d{2})[t ]+)?(\d{1,2}:\d{2})$`)

// ParseAt reads when changes may be applied first, by the clocks of a zone. A time without a day is the
// next one. The problem is a sentence about what is wrong, empty if nothing is.
func ParseAt(typed string, now time.Time, zone *time.Location) (at *onboarding.Moment, clock windows.Clock,
	problem string) {
	found := atForm.FindStringSubmatch(strings.ToLower(strings.TrimSpace(typed)))
	if found == nil {
		return nil, "", fmt.Sprintf("%s is not a time. Write at=02:00, at=\"tomorrow 02:00\" or at=2026-12-01T02:00.",
			mrkdwn.Shorten(typed))
	}
	days := []string{now.In(zone).Format(time.DateOnly), now.In(zone).AddDate(0, 0, 1).Format(time.DateOnly)}
	switch found[1] {
	case "":
	case "today":
		days = days[:1]
	case "tomorrow":
		days = days[1:]
	default:
		days = []string{found[1]}
	}
	var moment time.Time
	for _, day := range days {
		wall, err := time.Parse(time.DateOnly+" 15:04", day+" "+found[2])
		if err != nil {
			return nil, "", fmt.Sprintf("%s is not a date and time that exists.", mrkdwn.Shorten(typed))
		}
		if moment, clock = windows.At(wall, zone); moment.After(now) {
			break
		}
	}
	switch {
	case !moment.After(now):
		return nil, "", fmt.Sprintf("%s has passed.", windows.Text(moment))
	case moment.After(now.Add(maxAhead)):
		return nil, "", fmt.Sprintf("%s is more than 31 days ahead.", windows.Text(moment))
	}
	return &onboarding.Moment{Time: moment.UTC(), Zone: zone.String()}, clock, ""
}

// AtHint says in whose time zone a time was read, and what is special about it.
func AtHint(clock windows.Clock, zoneKnown bool) string {
	hint := "The time is in your time zone in Slack."
	if !zoneKnown {
		hint = "The time is UTC, because Slack does not say your time zone."
	}
	switch clock {
	case windows.Skipped:
		hint += " The clocks go forward that night and skip the time that you typed."
	case windows.Twice:
		hint += " The clocks go back that night: it is the first of two such times."
	}
	return hint
}
