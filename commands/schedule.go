package commands

import (
	"context"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// clocks tell the time where people are.
type clocks struct{ people *bot.Directory }

// now is the time in the time zone that a person has in Slack, or in UTC if Slack says none. It reads
// what somebody typed about a time; for nothing typed, nobody is looked up.
func (c clocks) now(ctx context.Context, person bot.Person, typed string) (time.Time, error) {
	now := time.Now().UTC()
	if typed == "" {
		return now, nil
	}
	profile, err := c.people.Person(ctx, person.ID)
	if err != nil {
		return now, err
	}
	if zone, err := windows.Zone(profile.Zone); err == nil {
		now = now.In(zone)
	}
	return now, nil
}
