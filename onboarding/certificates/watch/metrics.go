package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector exports how long the certificates of all sites are valid, as the latest sweep of any
// replica saw them.
type Collector struct{ watch *Watch }

var _ prometheus.Collector = (*Collector)(nil)

// Collector returns the metrics of the watch.
func (w *Watch) Collector() *Collector { return &Collector{w} }

var (
	expiryMetric = prometheus.NewDesc("onboarding_certificate_expiry_days",
		"Days until the certificate that visitors of a domain get expires, negative once it has.",
		[]string{"domain"}, nil)
	seenMetric = prometheus.NewDesc("onboarding_certificate_seen_seconds",
		"How long ago visitors of a domain were last seen to get a certificate.", []string{"domain"}, nil)
)

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- expiryMetric
	ch <- seenMetric
}

// Collect implements [prometheus.Collector]. If the database cannot be read, the scrape fails.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	expiries, err := c.watch.Expiries(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(expiryMetric, err)
		return
	}
	now := time.Now()
	for domain, seen := range expiries {
		left := seen.NotAfter.Sub(now).Hours() / 24
		ch <- prometheus.MustNewConstMetric(expiryMetric, prometheus.GaugeValue, left, domain)
		ch <- prometheus.MustNewConstMetric(seenMetric, prometheus.GaugeValue, now.Sub(seen.Seen).Seconds(), domain)
	}
}

// Expiry is when the certificate that a domain's visitors get expires.
type Expiry struct {
	NotAfter time.Time
	Seen     time.Time // when they were last seen to get it
}

const selectExpiries = `
SELECT domain, min(not_after), max(last_seen) FROM certificates_seen s
WHERE last_seen = (SELECT max(last_seen) FROM certificates_seen WHERE domain = s.domain)
	AND last_seen > now() - interval '30 days'
GROUP BY domain`

// Expiries returns the expiry of every domain of which a certificate was seen within 30 days.
func (w *Watch) Expiries(ctx context.Context) (map[string]Expiry, error) {
	rows, _ := w.pool.Query(ctx, selectExpiries) // ForEachRow returns the error
	expiries := make(map[string]Expiry)
	var domain string
	var expiry Expiry
	_, err := pgx.ForEachRow(rows, []any{&domain, &expiry.NotAfter, &expiry.Seen}, func() error {
		expiries[domain] = expiry
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	return expiries, nil
}

// NotAfter returns when the certificate of each domain expires, by domain.
func (w *Watch) NotAfter(ctx context.Context) (map[string]time.Time, error) {
	expiries, err := w.Expiries(ctx)
	if err != nil {
		return nil, err
	}
	ends := make(map[string]time.Time, len(expiries))
	for domain, expiry := range expiries {
		ends[domain] = expiry.NotAfter
	}
	return ends, nil
}
