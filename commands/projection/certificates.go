package projection

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// CertificateAnnouncer posts reminders in the thread of the run that made a domain live. What has no thread goes to a channel.
type CertificateAnnouncer struct {
	pool      *pgxpool.Pool
	service   *onboarding.Service
	outbox    *outbox.Outbox
	approvers []string
	channel   string
}

var _ certificates.Announcer = (*CertificateAnnouncer)(nil)

// NewCertificateAnnouncer returns an announcer that works with what a projector works with. The channel is for what has no thread.
func NewCertificateAnnouncer(projector *Projector, channel string) *CertificateAnnouncer {
	return &CertificateAnnouncer{pool: projector.Pool, service: projector.Service, outbox: projector.Outbox,
		approvers: projector.Renderer.Approvers, channel: channel}
}

// Remind puts one reminder into the outbox.
func (a *CertificateAnnouncer) Remind(ctx context.Context, tx pgx.Tx, reminder certificates.Reminder) error {
	message := certs.Reminder(reminder, a.approvers)
	message.Channel = a.channel
	live, err := a.service.LiveDomain(ctx, reminder.Domain)
	if err != nil {
		return err
	}
	if live != nil {
		switch _, err := a.outbox.Posted(ctx, render.RootKey(live.Run)); {
		case err == nil:
			message.Channel, message.Thread = live.Channel, render.RootKey(live.Run)
		case !errors.Is(err, outbox.ErrUnknownMessage):
			return err
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
