package commands

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// absenceHandlers answers the command with which somebody is away.
type absenceHandlers struct {
	service *service.Service
	replies *responder
	command string
}

// longestAbsence bounds an absence: a typing error in the year would last for ever.
const longestAbsence = 366 * 24 * time.Hour

// reply says who is away, begins the absence of a person, or ends it.
func (h *absenceHandlers) reply(ctx context.Context, person, typed string) post.Reply {
	var text string
	var err error
	switch typed {
	case "":
		text, err = h.list(ctx)
	case "off":
		text, err = h.end(ctx, person)
	default:
		text, err = h.begin(ctx, person, typed)
	}
	if err != nil {
		return h.replies.failure(ctx, err, "person", person)
	}
	return post.Reply{Text: text}
}

// example is how to say who covers.
func (h *absenceHandlers) example() string {
	return blockkit.Code(h.command + " " + render.WordAway + " until=2026-12-24 cover=@cleo")
}

func (h *absenceHandlers) list(ctx context.Context) (string, error) {
	absences, err := h.service.Absences.Now(ctx)
	if err != nil {
		return "", err
	}
	lines := []string{h.example() + " sends your direct messages and mentions to somebody else."}
	for _, absence := range absences {
		lines = append(lines, fmt.Sprintf("%s is away until %s. %s gets their messages.",
			blockkit.User(absence.Operator), blockkit.Date(absence.Until), blockkit.User(absence.Cover)))
	}
	return mrkdwn.JoinWithin(lines, blockkit.MaxSectionText), nil
}

func (h *absenceHandlers) end(ctx context.Context, person string) (string, error) {
	was, err := h.service.Absences.End(ctx, person)
	if err != nil {
		return "", err
	}
	if !was {
		return "You are not away.", nil
	}
	return mrkdwn.MarkDone + " You are back. New direct messages and mentions go to you again.", nil
}

func (h *absenceHandlers) begin(ctx context.Context, person, typed string) (string, error) {
	until, cover, err := h.parse(typed)
	if err != nil {
		return "", err
	}
	if cover == person {
		return "", refusal.Sentence("You cannot cover for yourself.")
	}
	if _, err := h.service.Operator(ctx, cover); err != nil {
		if _, expected := refusal.Text(err); expected {
			err = refusal.Sentence(fmt.Sprintf("%s is not an operator. Only an operator can cover for you.",
				blockkit.User(cover)))
		}
		return "", err
	}
	if err := h.service.Absences.Begin(ctx, person, cover, until); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s Until %s, %s gets your direct messages and mentions. Nobody's rights change. %s ends it.",
		mrkdwn.MarkDone, blockkit.Date(until), blockkit.User(cover),
		blockkit.Code(h.command+" "+render.WordAway+" off")), nil
}

// mention is a person as Slack sends them in a command.
var mention = regexp.MustCompile(`^<@([UW][A-Z0-9]+)(\|[^>]*)?>$`)

// parse reads a date and a person. The date is the first day on which the person is back, in UTC.
func (h *absenceHandlers) parse(typed string) (until time.Time, cover string, err error) {
	for _, word := range strings.Fields(typed) {
		key, value, _ := strings.Cut(word, "=")
		switch strings.ToLower(key) {
		case "until":
			until, err = time.Parse(time.DateOnly, value)
			if err != nil || time.Until(until) <= 0 || time.Until(until) > longestAbsence {
				return until, "", refusal.Sentence(fmt.Sprintf(
					"%s is not a date within the next year. Write the first day on which you are back, as in %s.",
					blockkit.Code(mrkdwn.Shorten(blockkit.Unescape(value))), blockkit.Code("until=2026-12-24")))
			}
		case "cover":
			found := mention.FindStringSubmatch(value)
			if found == nil {
				return until, "", refusal.Sentence("Mention who covers for you, as in " +
					blockkit.Code("cover=@cleo") + ".")
			}
			cover = found[1]
		default:
			return until, "", refusal.Sentence(fmt.Sprintf("%s isn't a known key. Known keys: until, cover.",
				blockkit.Code(mrkdwn.Shorten(blockkit.Unescape(key)))))
		}
	}
	if until.IsZero() || cover == "" {
		return until, "", refusal.Sentence("Say until when, and who covers for you: " + h.example() + ".")
	}
	return until, cover, nil
}
