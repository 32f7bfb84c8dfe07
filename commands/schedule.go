package commands

import (
	"context"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/inputs"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// withTime puts the time that somebody typed into a draft, by the clocks of their time zone in Slack,
// and says so in a hint. It drops a time of an earlier command that has passed.
func (h *formHandlers) withTime(
	ctx context.Context, person bot.Person, draft form.Draft, typed string,
) (form.Draft, string, error) {
	now := time.Now()
	if draft.At != nil && !draft.At.Time.After(now) {
		draft.At = nil
	}
	if typed == "" {
		return draft, "", nil
	}
	profile, err := h.people.Person(ctx, person.ID)
	if err != nil {
		return draft, "", err
	}
	zone, err := windows.Zone(profile.Zone)
	known := err == nil && profile.Zone != ""
	if !known {
		zone = time.UTC
	}
	at, clock, problem := form.ParseAt(typed, now, zone)
	if problem != "" {
		return draft, "", userError(string(inputs.At) + ": " + blockkit.Escape(problem))
	}
	draft.At = at
	return draft, form.AtHint(clock, known), nil
}
