package certs

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// KeyPrefix begins the outbox's key of every message about certificates that the bot sends by
// itself.
const KeyPrefix = "certificate/"

// reminderKey is the outbox's key of the one message about a threshold of a certificate. It is a
// hash, since its subject can be longer than a key.
func reminderKey(posted certificates.Posted) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{posted.Domain, posted.Subject, string(posted.About)}, "\x00")))
	return KeyPrefix + hex.EncodeToString(sum[:16])
}

// Reminder shows a reminder. Urgent ones mention the approvers.
func Reminder(reminder certificates.Reminder, approvers []string) post.Message {
	var page mrkdwn.Builder
	said := mrkdwn.Inline(reminder.Sentence)
	switch {
	case reminder.Clears():
		page.Say(mrkdwn.MarkDone + " " + said)
	case reminder.Level == certificates.Quiet:
		page.Note(mrkdwn.MarkClock + " " + said)
	case reminder.Level == certificates.Notice:
		page.Say(mrkdwn.MarkWarning + " *" + said + "*")
	default:
		page.Say(mrkdwn.MarkTrouble + " *" + said + "*")
		page.Say(mrkdwn.MentionAll(approvers) + ": " + adviceText(reminder))
	}
	if buttons := reminderButtons(reminder); len(buttons) > 0 {
		page.Buttons("certificate", buttons...)
	}
	return post.Message{Key: reminderKey(reminder.Posted), Text: page.Text(), Blocks: page.Blocks}
}

// adviceText says what to do about an urgent reminder.
func adviceText(reminder certificates.Reminder) string {
	kind, fault := reminder.Fault()
	switch {
	case !fault:
		return "renew it now, or find out why it is not renewed."
	case kind == certificates.NotReloaded:
		return "press Reload now."
	}
	return "a renewal would not fix this. Press Why? for details."
}

func reminderButtons(reminder certificates.Reminder) []*slack.ButtonBlockElement {
	why := blockkit.Button(ActionWhy, reminder.Domain, "Why?", "")
	kind, fault := reminder.Fault()
	switch {
	case reminder.Clears():
		return nil
	case !fault:
		return []*slack.ButtonBlockElement{blockkit.Button(ActionRenew, reminder.Domain, "Renew now",
			slack.StylePrimary), why}
	case kind == certificates.NotReloaded:
		return []*slack.ButtonBlockElement{blockkit.Button(ActionRenew, reminder.Domain, "Reload now",
			slack.StylePrimary), why}
	}
	return []*slack.ButtonBlockElement{why}
}
