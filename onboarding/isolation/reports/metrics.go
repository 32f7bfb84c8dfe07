package reports

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// Collector reads what the newest report about all tenants said, so that every replica says the same.
type Collector struct{ book *Store }

var _ prometheus.Collector = (*Collector)(nil)

// Collector returns the metrics of isolation. There are none before the first report.
func (b *Store) Collector() *Collector { return &Collector{b} }

var (
	findingsMetric  = prometheus.NewDesc("onboarding_isolation_findings", "What the last isolation report found, by kind: leak or risk.", []string{"kind"}, nil)
	uncheckedMetric = prometheus.NewDesc("onboarding_isolation_unchecked", "How many things the last isolation report could not check.", nil, nil)
	reportedMetric  = prometheus.NewDesc("onboarding_isolation_report_timestamp_seconds", "When the last isolation report that could say anything ended.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{findingsMetric, uncheckedMetric, reportedMetric} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector]. What the database cannot tell becomes an error of the scrape.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	record, err := c.book.LastProof(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(findingsMetric, err)
		return
	}
	if record == nil {
		return
	}
	for _, kind := range []isolation.Kind{isolation.Leak, isolation.Risk} {
		ch <- prometheus.MustNewConstMetric(findingsMetric, prometheus.GaugeValue, float64(record.Count(kind)), string(kind))
	}
	ch <- prometheus.MustNewConstMetric(uncheckedMetric, prometheus.GaugeValue, float64(record.Unchecked()))
	ch <- prometheus.MustNewConstMetric(reportedMetric, prometheus.GaugeValue, float64(record.At.UnixMilli())/1000)
}
