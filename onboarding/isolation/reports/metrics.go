package reports

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// collectTimeout bounds the query of one scrape.
const collectTimeout = 5 * time.Second

// Collector exports what the newest report about all tenants says. It reads the database, so
// every replica exports the same.
type Collector struct{ store *Store }

var _ prometheus.Collector = (*Collector)(nil)

// Collector returns the metrics of isolation. There are none before the first report.
func (s *Store) Collector() *Collector { return &Collector{s} }

var (
	findingsMetric = prometheus.NewDesc("onboarding_isolation_findings",
		"Findings of the last isolation report, by kind: leak or risk.", []string{"kind"}, nil)
	uncheckedMetric = prometheus.NewDesc("onboarding_isolation_unchecked",
		"Number of things that the last isolation report could not check.", nil, nil)
	reportedMetric = prometheus.NewDesc("onboarding_isolation_report_timestamp_seconds",
		"Time of the last isolation report whose check ran.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{findingsMetric, uncheckedMetric, reportedMetric} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector]. A database error becomes an error of the scrape.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	record, err := c.store.LastCompleted(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(findingsMetric, err)
		return
	}
	if record == nil {
		return
	}
	for _, kind := range []isolation.Kind{isolation.Leak, isolation.Risk} {
		ch <- prometheus.MustNewConstMetric(findingsMetric, prometheus.GaugeValue, float64(record.Count(kind)),
			string(kind))
	}
	ch <- prometheus.MustNewConstMetric(uncheckedMetric, prometheus.GaugeValue, float64(record.Unchecked()))
	at := float64(record.At.UnixMilli()) / 1000
	ch <- prometheus.MustNewConstMetric(reportedMetric, prometheus.GaugeValue, at)
}
