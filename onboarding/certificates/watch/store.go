package watch

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

//go:embed migrations/*.sql
var migrations embed.FS

// closedFor is how long after its end a fault can still be reported as resolved.
const closedFor = 30 * 24 * time.Hour

// record stores what was seen of a site, and returns the site's past. No other replica judges the
// same site until the transaction ends.
func record(ctx context.Context, tx pgx.Tx, site certificates.SiteReport, at time.Time) (certificates.Past, error) {
	var past certificates.Past
	if err := locks.Tx(ctx, tx, locks.Named("certificates", "site", site.Domain)); err != nil {
		return past, err
	}
	if err := recordFaults(ctx, tx, site, at); err != nil {
		return past, fmt.Errorf("faults: %w", err)
	}
	if err := recordCertificates(ctx, tx, site, at); err != nil {
		return past, fmt.Errorf("certificates: %w", err)
	}
	var err error
	if past.Open, past.Closed, err = faults(ctx, tx, site.Domain, at.Add(-closedFor)); err != nil {
		return past, fmt.Errorf("faults: %w", err)
	}
	if past.Known, err = latestCertificates(ctx, tx, site.Domain); err != nil {
		return past, fmt.Errorf("certificates: %w", err)
	}
	if past.Posted, err = posted(ctx, tx, site.Domain); err != nil {
		return past, fmt.Errorf("posted: %w", err)
	}
	return past, nil
}

const insertCertificate = `
INSERT INTO certificates_seen (domain, serial, names, issuer, key, not_before, not_after, first_seen, last_seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT (domain, serial) DO UPDATE
SET last_seen = greatest(certificates_seen.last_seen, excluded.last_seen)`

func recordCertificates(ctx context.Context, tx pgx.Tx, site certificates.SiteReport, at time.Time) error {
	for _, c := range site.Certificates {
		_, err := tx.Exec(ctx, insertCertificate, site.Domain, c.Serial, c.Names, c.Issuer, c.Key, c.NotBefore,
			c.NotAfter, at)
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	insertFault = `
INSERT INTO certificates_faults (domain, kind, since, severity, sentence) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (domain, kind) WHERE ended IS NULL DO UPDATE
SET severity = excluded.severity, sentence = excluded.sentence`

	endFaults = `
UPDATE certificates_faults SET ended = $3 WHERE domain = $1 AND ended IS NULL AND kind != ALL ($2)`
)

// recordFaults opens new faults and ends those that are gone. A check that saw no certificate, or
// could not check everything, ends none.
func recordFaults(ctx context.Context, tx pgx.Tx, site certificates.SiteReport, at time.Time) error {
	kinds := []string{}
	complete := len(site.Certificates) > 0
	for _, f := range site.Faults { // worst first, so the worst fault of a kind is the one that is stored
		complete = complete && f.Severity != certificates.Unchecked
		if slices.Contains(kinds, string(f.Kind)) {
			continue
		}
		kinds = append(kinds, string(f.Kind))
		since := at.Truncate(time.Microsecond)
		_, err := tx.Exec(ctx, insertFault, site.Domain, f.Kind, since, f.Severity.Name(), f.Sentence)
		if err != nil {
			return err
		}
	}
	if !complete {
		return nil
	}
	_, err := tx.Exec(ctx, endFaults, site.Domain, kinds, at)
	return err
}

const selectFaults = `
SELECT kind, severity, sentence, since, ended IS NOT NULL FROM certificates_faults
WHERE domain = $1 AND (ended IS NULL OR ended > $2)
ORDER BY since, kind`

// faults returns the faults of a domain that last, and those that ended after a time.
func faults(ctx context.Context, tx pgx.Tx, domain string,
	after time.Time) (open, closed []certificates.OpenFault, err error) {
	rows, err := tx.Query(ctx, selectFaults, domain, after)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f certificates.OpenFault
		var severity string
		var ended bool
		if err := rows.Scan(&f.Kind, &severity, &f.Sentence, &f.Since, &ended); err != nil {
			return nil, nil, err
		}
		if err := f.Severity.UnmarshalText([]byte(severity)); err != nil {
			return nil, nil, err
		}
		if ended {
			closed = append(closed, f)
		} else {
			open = append(open, f)
		}
	}
	return open, closed, rows.Err()
}

const (
	selectPosted = `SELECT domain, subject, about FROM certificates_posted WHERE domain = $1 ORDER BY at, about`
	insertPosted = `INSERT INTO certificates_posted (domain, subject, about, at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING`
)

// posted returns the reminders about a domain that were handed over.
func posted(ctx context.Context, tx pgx.Tx, domain string) ([]certificates.Posted, error) {
	rows, err := tx.Query(ctx, selectPosted, domain)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[certificates.Posted])
}

// claim records that a reminder is handed over. It returns false if it was already.
func claim(ctx context.Context, tx pgx.Tx, p certificates.Posted, at time.Time) (bool, error) {
	tag, err := tx.Exec(ctx, insertPosted, p.Domain, p.Subject, p.About, at)
	return tag.RowsAffected() == 1, err
}

const (
	selectLatest = `
SELECT domain, serial, names, issuer, key, not_before, not_after FROM certificates_seen
WHERE domain = $1 AND last_seen = (SELECT max(last_seen) FROM certificates_seen WHERE domain = $1)
ORDER BY not_after`

	selectPast = `
SELECT domain, serial, names, issuer, key, not_before, not_after FROM certificates_seen
WHERE domain = ANY ($1) ORDER BY not_before DESC, serial`
)

// latestCertificates returns the certificates that the last check of a domain saw that saw any.
func latestCertificates(ctx context.Context, tx pgx.Tx, domain string) ([]certificates.Certificate, error) {
	rows, err := tx.Query(ctx, selectLatest, domain)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (certificates.Certificate, error) {
		_, c, err := scanCertificate(row)
		return c, err
	})
}

// pastCertificates returns every certificate that was seen of some domains, by domain, the latest
// first.
func pastCertificates(ctx context.Context, pool *pgxpool.Pool,
	domains []string) (map[string][]certificates.Certificate, error) {
	rows, err := pool.Query(ctx, selectPast, domains)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	past := make(map[string][]certificates.Certificate)
	for rows.Next() {
		domain, c, err := scanCertificate(rows)
		if err != nil {
			return nil, err
		}
		past[domain] = append(past[domain], c)
	}
	return past, rows.Err()
}

func scanCertificate(row pgx.CollectableRow) (domain string, c certificates.Certificate, err error) {
	err = row.Scan(&domain, &c.Serial, &c.Names, &c.Issuer, &c.Key, &c.NotBefore, &c.NotAfter)
	c.NotBefore, c.NotAfter = c.NotBefore.UTC(), c.NotAfter.UTC()
	return domain, c, err
}
