// Package watch checks all certificates again and again, stores what it sees, and hands over each
// reminder and each digest once, on however many replicas it runs.
package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
)

// Announcer posts reminders and digests. It is called in the transaction that records them as
// posted, so it must only write rows in that transaction. If it fails, the reminder stays due.
type Announcer interface {
	Remind(ctx context.Context, tx pgx.Tx, reminder certificates.Reminder) error
	Digest(ctx context.Context, tx pgx.Tx, digest certificates.Digest) error
}

// Watch checks the sites of an inventory.
type Watch struct {
	pool      *pgxpool.Pool
	sweeper   *sweep.Sweeper
	config    certificates.Config // the sweeper's
	inventory certificates.Inventory
	announcer Announcer
}

// New returns a watch. The pool's search path must hold the tables of [Tables].
func New(pool *pgxpool.Pool, sweeper *sweep.Sweeper, inventory certificates.Inventory, announcer Announcer) *Watch {
	return &Watch{pool, sweeper, sweeper.Config(), inventory, announcer}
}

// Tick sweeps once and hands over the reminders that are due, each once however often and wherever
// this runs. A failure at one site does not affect the others.
func (w *Watch) Tick(ctx context.Context) (certificates.Report, error) {
	sites, err := w.inventory.Sites(ctx)
	if err != nil {
		return certificates.Report{}, fmt.Errorf("certificates to watch: %w", err)
	}
	report, err := w.sweeper.Sweep(ctx, sites)
	if err != nil {
		return certificates.Report{}, err
	}
	var problems []error
	for _, site := range report.Sites {
		if err := w.remind(ctx, site, report.At); err != nil {
			problems = append(problems, fmt.Errorf("reminders of %s: %w", site.Domain, err))
		}
	}
	return report, errors.Join(problems...)
}

// remind stores what was seen of a site and hands over the reminders that are due.
func (w *Watch) remind(ctx context.Context, site certificates.SiteReport, at time.Time) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		past, err := record(ctx, tx, site, at)
		if err != nil {
			return err
		}
		for _, reminder := range w.config.Due(site, past, at) {
			fresh, err := claim(ctx, tx, reminder.Posted, at)
			if err != nil {
				return err
			}
			if !fresh {
				continue
			}
			if err := w.announcer.Remind(ctx, tx, reminder); err != nil {
				return err
			}
		}
		return nil
	})
}

// Digest sweeps and hands over the digest of one tick of the schedule, once on however many
// replicas.
func (w *Watch) Digest(ctx context.Context, tick time.Time) error {
	sites, err := w.inventory.Sites(ctx)
	if err != nil {
		return fmt.Errorf("certificates to watch: %w", err)
	}
	report, err := w.sweeper.Sweep(ctx, sites)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO certificates_digests (tick) VALUES ($1) ON CONFLICT DO NOTHING`, tick)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return w.announcer.Digest(ctx, tx, w.config.Thresholds.Digest(report))
	})
}

// Past returns every certificate that visitors of a domain were seen to get, the latest first.
func (w *Watch) Past(ctx context.Context, domain string) ([]certificates.Certificate, error) {
	all, err := pastCertificates(ctx, w.pool, []string{domain})
	return all[domain], err
}

// PastOf returns the same for each site of a report, by domain.
func (w *Watch) PastOf(ctx context.Context,
	report certificates.Report) (map[string][]certificates.Certificate, error) {
	var domains []string
	for _, site := range report.Sites {
		domains = append(domains, site.Domain)
	}
	return pastCertificates(ctx, w.pool, domains)
}
