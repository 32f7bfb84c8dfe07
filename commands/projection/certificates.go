package projection

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/watch"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// CertificateAnnouncer posts reminders in the thread of the run that made a domain live. What has
// no thread goes to a channel.
type CertificateAnnouncer struct {
	pool      *pgxpool.Pool
	records   *store.Records
	outbox    *outbox.Outbox
	approvers []string
	channel   string
}

var _ watch.Announcer = (*CertificateAnnouncer)(nil)

// NewCertificateAnnouncer returns an announcer that works with what a projector works with. The
// channel is for what has no thread.
func NewCertificateAnnouncer(projector *Projector, channel string) *CertificateAnnouncer {
	return &CertificateAnnouncer{pool: projector.Pool, records: projector.Records, outbox: projector.Outbox,
		approvers: projector.Renderer.Approvers, channel: channel}
}

// Remind puts one reminder into the outbox.
func (a *CertificateAnnouncer) Remind(ctx context.Context, tx pgx.Tx, reminder certificates.Reminder) error {
	message := certs.Reminder(reminder, a.approvers)
	message.Channel = a.channel
	live, err := store.LiveDomain(ctx, tx, reminder.Domain)
	if err != nil {
		return err
	}
	if live != nil {
		root := render.RootKey(live.Run)
		posted, err := a.outbox.Posted(ctx, tx, root)
		if err != nil {
			return err
		}
		if _, found := posted[root]; found {
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
