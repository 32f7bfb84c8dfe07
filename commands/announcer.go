package commands

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/watch"
)

// CertificateAnnouncer takes reminders to the thread of the run that made a domain live, and what has none to a channel.
type CertificateAnnouncer struct {
	*Projector
	channel string
}

var _ watch.Announcer = (*CertificateAnnouncer)(nil)

// NewCertificateAnnouncer returns an announcer with the channel for what has no thread.
func NewCertificateAnnouncer(renderer *Projector, channel string) *CertificateAnnouncer {
	return &CertificateAnnouncer{renderer, channel}
}

// Remind puts one reminder into the outbox.
func (a *CertificateAnnouncer) Remind(ctx context.Context, tx pgx.Tx, reminder certificates.Reminder) error {
	message := certs.Reminder(reminder, a.config.Approvers)
	message.Channel = a.channel
	live, err := a.service.Records.LiveDomain(ctx, reminder.Domain)
	if err != nil {
		return err
	}
	if live != nil {
		root := render.RootKey(live.Run)
		posted, err := a.outbox.Posted(ctx, tx, root)
		if err != nil {
			return err
		}
		if _, there := posted[root]; there {
			message.Channel, message.Thread = live.Channel, root
		}
	}
	return a.outbox.Put(ctx, tx, message)
}

// Digest puts the report of all certificates into the channel.
func (a *CertificateAnnouncer) Digest(ctx context.Context, tx pgx.Tx, digest certificates.Digest) error {
	message := certs.Digest(digest)
	message.Key, message.Channel = fmt.Sprintf("%sdigest/%d", certs.KeyPrefix, digest.At.UnixNano()), a.channel
	return a.outbox.Put(ctx, tx, message)
}
