package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// Announcer takes reminders to the thread of the run that made a domain live, and what has none to a channel.
type Announcer struct {
	*Projector
	channel string
}

var _ certificates.Announcer = (*Announcer)(nil)

// NewAnnouncer returns an announcer with the channel for what has no thread.
func NewAnnouncer(renderer *Projector, channel string) *Announcer {
	return &Announcer{renderer, channel}
}

// Remind puts one reminder into the outbox.
func (a *Announcer) Remind(ctx context.Context, tx pgx.Tx, reminder certificates.Reminder) error {
	message := a.scribe.certificate(reminder)
	message.Channel = a.channel
	live, err := a.service.LiveDomain(ctx, reminder.Domain)
	if err != nil {
		return err
	}
	if live != nil {
		switch _, err := a.outbox.Posted(ctx, rootKey(live.Run)); {
		case err == nil:
			message.Channel, message.Thread = live.Channel, rootKey(live.Run)
		case !errors.Is(err, outbox.ErrUnknownMessage):
			return err
		}
	}
	return a.outbox.Put(ctx, tx, message)
}

// Digest puts the report of all certificates into the channel.
func (a *Announcer) Digest(ctx context.Context, tx pgx.Tx, digest certificates.Digest) error {
	message := certificateDigest(digest)
	message.Key, message.Channel = fmt.Sprintf("%sdigest/%d", certificatePrefix, digest.At.UnixNano()), a.channel
	return a.outbox.Put(ctx, tx, message)
}

// certificatePrefix begins the key of every message about certificates that the bot sends by itself.
const certificatePrefix = "certificate/"

// certificateKey is that of the one message about a threshold of a certificate. What a reminder is about may be longer than a key.
func certificateKey(posted certificates.Posted) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{posted.Domain, posted.Subject, string(posted.About)}, "\x00")))
	return certificatePrefix + hex.EncodeToString(sum[:16])
}

// certificate writes a reminder, the louder the later it is.
func (s scribe) certificate(reminder certificates.Reminder) outbox.Message {
	var page sheet
	said := inline(reminder.Sentence)
	switch {
	case reminder.Clears():
		page.say(markDone + " " + said)
	case reminder.Level == certificates.Quiet:
		page.note(markClock + " " + said)
	case reminder.Level == certificates.Notice:
		page.say(markWarning + " *" + said + "*")
	default:
		page.say(markTrouble + " *" + said + "*")
		page.say(mentions(s.approvers) + ": " + appeal(reminder))
	}
	if buttons := certificateButtons(reminder); len(buttons) > 0 {
		page.buttons("certificate", buttons...)
	}
	return outbox.Message{Key: certificateKey(reminder.Posted), Text: page.text(), Blocks: page.blocks}
}

// appeal says what to do about an urgent reminder, as far as there is a button for it.
func appeal(reminder certificates.Reminder) string {
	kind, fault := reminder.Fault()
	switch {
	case !fault:
		return "renew it now, or find out why it is not renewed."
	case kind == certificates.NotReloaded:
		return "press Reload now."
	}
	return "a renewal would not mend this. Press Why? for what is known."
}

func certificateButtons(reminder certificates.Reminder) []*slack.ButtonBlockElement {
	why := blockkit.Button(actionWhy, reminder.Domain, "Why?", "")
	kind, fault := reminder.Fault()
	switch {
	case reminder.Clears():
		return nil
	case !fault:
		return []*slack.ButtonBlockElement{blockkit.Button(actionRenew, reminder.Domain, "Renew now", slack.StylePrimary), why}
	case kind == certificates.NotReloaded:
		return []*slack.ButtonBlockElement{blockkit.Button(actionRenew, reminder.Domain, "Reload now", slack.StylePrimary), why}
	}
	return []*slack.ButtonBlockElement{why}
}

// placed puts the messages of a renewal into the thread of the run that made the domain live: Slack's threads have no threads.
func placed(view *onboarding.View, messages []outbox.Message) []outbox.Message {
	if view.Renews == uuid.Nil {
		return messages
	}
	for i := range messages {
		if messages[i].Channel == view.Channel {
			messages[i].Thread = rootKey(view.Renews)
		}
	}
	return messages
}
