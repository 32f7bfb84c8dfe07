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

// remember records one look at a site and returns its past. Until the transaction ends, no other replica judges the same site.
func remember(ctx context.Context, tx pgx.Tx, site certificates.SiteReport, at time.Time) (certificates.Past, error) {
	if err := locks.Tx(ctx, tx, locks.Named("certificates", "site", site.Domain)); err != nil {
		return certificates.Past{}, err
	}
	var past certificates.Past
	var err error
	if past.Open, past.Closed, err = rememberFaults(ctx, tx, site, at); err != nil {
		return certificates.Past{}, fmt.Errorf("faults: %w", err)
	}
	if past.Known, err = rememberCertificates(ctx, tx, site, at); err != nil {
		return certificates.Past{}, fmt.Errorf("certificates: %w", err)
	}
	if past.Posted, err = posted(ctx, tx, site.Domain); err != nil {
		return certificates.Past{}, fmt.Errorf("posted: %w", err)
	}
	return past, nil
}

func rememberCertificates(ctx context.Context, tx pgx.Tx, site certificates.SiteReport, at time.Time) ([]certificates.Certificate, error) {
	for _, c := range site.Certificates {
		_, err := tx.Exec(ctx, `
			INSERT INTO certificates_seen (domain, serial, names, issuer, key, not_before, not_after, first_seen, last_seen)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
			ON CONFLICT (domain, serial) DO UPDATE SET last_seen = greatest(certificates_seen.last_seen, excluded.last_seen)`,
			site.Domain, c.Serial, c.Names, c.Issuer, c.Key, c.NotBefore, c.NotAfter, at)
		if err != nil {
			return nil, err
		}
	}
	rows, err := tx.Query(ctx, `SELECT `+certificateColumns+` FROM certificates_seen
		WHERE domain = $1 AND last_seen = (SELECT max(last_seen) FROM certificates_seen WHERE domain = $1) ORDER BY not_after`, site.Domain)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(pgx.CollectableRow) (certificates.Certificate, error) {
		_, c, err := scanCertificate(rows)
		return c, err
	})
}

// rememberFaults opens what is new, and ends what is gone. A look that saw no certificate, or could not look everywhere, ends nothing.
func rememberFaults(ctx context.Context, tx pgx.Tx, site certificates.SiteReport, at time.Time) (open, closed []certificates.OpenFault, err error) {
	kinds := []string{}
	for _, f := range site.Faults { // worst first: one fault of each kind stands for all
		if slices.Contains(kinds, string(f.Kind)) {
			continue
		}
		kinds = append(kinds, string(f.Kind))
		_, err := tx.Exec(ctx, `
			INSERT INTO certificates_faults (domain, kind, since, severity, sentence) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (domain, kind) WHERE ended IS NULL DO UPDATE SET severity = excluded.severity, sentence = excluded.sentence`,
			site.Domain, f.Kind, at.Truncate(time.Microsecond), f.Severity.String(), f.Sentence)
		if err != nil {
			return nil, nil, err
		}
	}
	blind := slices.ContainsFunc(site.Faults, func(f certificates.Fault) bool { return f.Severity == certificates.Blind })
	if len(site.Certificates) > 0 && !blind {
		if _, err := tx.Exec(ctx, `UPDATE certificates_faults SET ended = $3 WHERE domain = $1 AND ended IS NULL AND kind != ALL ($2)`, site.Domain, kinds, at); err != nil {
			return nil, nil, err
		}
	}
	rows, err := tx.Query(ctx, `SELECT kind, severity, sentence, since, ended IS NOT NULL FROM certificates_faults
		WHERE domain = $1 AND (ended IS NULL OR ended > $2) ORDER BY since, kind`, site.Domain, at.Add(-faultMemory))
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

// faultMemory is how long after its end a fault can still get its all-clear.
const faultMemory = 30 * 24 * time.Hour

func posted(ctx context.Context, tx pgx.Tx, domain string) ([]certificates.Posted, error) {
	rows, err := tx.Query(ctx, `SELECT domain, subject, about FROM certificates_posted WHERE domain = $1 ORDER BY at, about`, domain)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[certificates.Posted])
}

// claim records that a reminder is handed over; false when it was already.
func claim(ctx context.Context, tx pgx.Tx, p certificates.Posted, at time.Time) (bool, error) {
	tag, err := tx.Exec(ctx, `INSERT INTO certificates_posted (domain, subject, about, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, p.Domain, p.Subject, p.About, at)
	return tag.RowsAffected() == 1, err
}

const certificateColumns = `domain, serial, names, issuer, key, not_before, not_after`

func scanCertificate(rows pgx.Rows) (domain string, c certificates.Certificate, err error) {
	err = rows.Scan(&domain, &c.Serial, &c.Names, &c.Issuer, &c.Key, &c.NotBefore, &c.NotAfter)
	c.NotBefore, c.NotAfter = c.NotBefore.UTC(), c.NotAfter.UTC()
	return domain, c, err
}

// pastOf is every certificate seen of some domains, by domain, the latest first.
func pastOf(ctx context.Context, pool *pgxpool.Pool, domains []string) (map[string][]certificates.Certificate, error) {
	rows, err := pool.Query(ctx, `SELECT `+certificateColumns+` FROM certificates_seen WHERE domain = ANY ($1) ORDER BY not_before DESC, serial`, domains)
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
