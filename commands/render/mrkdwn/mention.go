package mrkdwn

import (
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// Mention mentions somebody. Operators without an id are the bot.
func Mention(person onboarding.Operator) string {
	if person.ID == "" {
		return "the bot"
	}
	return blockkit.User(person.ID)
}

// MentionAny mentions people (U…, W…) and user groups (S…) as alternatives: "a, b or c".
func MentionAny(ids []string) string { return Or(mentions(ids)) }

// MentionAll mentions people (U…, W…) and user groups (S…): "a, b, c".
func MentionAll(ids []string) string { return strings.Join(mentions(ids), ", ") }

func mentions(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = blockkit.User(id)
		if strings.HasPrefix(id, "S") {
			names[i] = blockkit.Group(id)
		}
	}
	return names
}
