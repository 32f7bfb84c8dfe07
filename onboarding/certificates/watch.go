package certificates

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Announcer takes what is due to where people read it. It is called inside the transaction that remembers that it was, so it must only
// put rows there; when it fails, the reminder stays due.
type Announcer interface {
	Remind(ctx context.Context, tx pgx.Tx, reminder Reminder) error
	// Digest is the weekly report.
	Digest(ctx context.Context, tx pgx.Tx, digest Digest) error
}

// Watch looks at the inventory again and again, on however many replicas.
type Watch struct {
	pool      *pgxpool.Pool
	sweeper   *Sweeper
	inventory Inventory
	announcer Announcer
}

// NewWatch makes a watch. The pool's search path must hold the tables of [Migrations].
func NewWatch(pool *pgxpool.Pool, sweeper *Sweeper, inventory Inventory, announcer Announcer) *Watch {
	return &Watch{pool, sweeper, inventory, announcer}
}

// Tick sweeps once and hands over what is due, each reminder once however often and wherever this runs. A site whose bookkeeping
// fails does not keep the others from theirs.
func (w *Watch) Tick(ctx context.Context) (Report, error) {
	sites, err := w.inventory.Sites(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("certificates to watch: %w", err)
	}
	report, err := w.sweeper.Sweep(ctx, sites)
	if err != nil {
		return Report{}, err
	}
	var problems []error
	for _, site := range report.Sites {
		if err := w.remind(ctx, site, report.At); err != nil {
			problems = append(problems, fmt.Errorf("reminders of %s: %w", site.Domain, err))
		}
	}
	return report, errors.Join(problems...)
}

func (w *Watch) remind(ctx context.Context, site SiteReport, at time.Time) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		past, err := remember(ctx, tx, site, at)
		if err != nil {
			return err
		}
		for _, reminder := range w.sweeper.config.Thresholds.Due(site, past, w.sweeper.config.Patience, at) {
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

// Weekly sweeps and hands over the digest of one tick of the schedule, once however many replicas reach it.
func (w *Watch) Weekly(ctx context.Context, tick time.Time) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO certificates_digests (tick) VALUES ($1) ON CONFLICT DO NOTHING`, tick)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		sites, err := w.inventory.Sites(ctx)
		if err != nil {
			return fmt.Errorf("certificates to watch: %w", err)
		}
		report, err := w.sweeper.Sweep(ctx, sites)
		if err != nil {
			return err
		}
		return w.announcer.Digest(ctx, tx, w.sweeper.Digest(report))
	})
}

// Past returns every certificate that visitors of a domain were seen to get, the latest first.
func (w *Watch) Past(ctx context.Context, domain string) ([]Certificate, error) {
	all, err := pastOf(ctx, w.pool, []string{domain})
	return all[domain], err
}

// PastOf returns the same for each site of a report, by domain.
func (w *Watch) PastOf(ctx context.Context, report Report) (map[string][]Certificate, error) {
	var domains []string
	for _, site := range report.Sites {
		domains = append(domains, site.Domain)
	}
	return pastOf(ctx, w.pool, domains)
}
