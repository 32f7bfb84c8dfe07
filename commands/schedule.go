package commands

import (
	"context"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// clocks tell the time where people are.
type clocks struct{ people *bot.Directory }

// moment is when changes may be applied first, as a person typed it: nil for nothing typed.
func (c clocks) moment(ctx context.Context, person bot.Person, typed string) (*onboarding.Moment, error) {
	now, err := c.now(ctx, person, typed)
	if err != nil || typed == "" {
		return nil, err
	}
	at, _, problem := form.ParseAt(typed, now)
	if problem != "" {
		return nil, refusal.Sentence(blockkit.Escape(problem))
	}
	return at, nil
}

// timedBlock is the block_id of the buttons of a private question that begin something at a time.
// A press counts only if the bot asked with this very id, see [provenance.ask].
func timedBlock(block string, at *onboarding.Moment) string {
	return strings.TrimSpace(block + " " + form.AtText(at))
}

// blockTime is the time in a [timedBlock], nil for none. It returns an error for the person if it
// has passed.
func blockTime(block string) (*onboarding.Moment, error) {
	_, typed, found := strings.Cut(block, " ")
	if !found {
		return nil, nil
	}
	at, _, problem := form.ParseAt(typed, time.Now())
	if problem != "" {
		return nil, refusal.Sentence(blockkit.Escape(problem))
	}
	return at, nil
}

// now is the time in the time zone that a person has in Slack, or in UTC if Slack says none. It
// reads what somebody typed about a time; for nothing typed, nobody is looked up.
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
