package bot

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what passes between the bot and Slack.
type metrics struct {
	connected prometheus.Gauge
	opened    *prometheus.CounterVec
	envelopes *prometheus.CounterVec
	acks      *prometheus.HistogramVec
	calls     *prometheus.HistogramVec
}

var _ prometheus.Collector = (*metrics)(nil)

func newMetrics() *metrics {
	buckets := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 10}
	return &metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "onboardbot_slack_connections",
			Help: "Socket Mode connections that are up.",
		}),
		opened: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onboardbot_slack_connection_attempts_total",
			Help: "Attempts to open a Socket Mode connection, by result (ok, failed).",
		}, []string{"result"}),
		envelopes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onboardbot_slack_envelopes_total",
			Help: "Envelopes by kind and result (handled, failed, late, repeated, unhandled, forgotten, dropped).",
		}, []string{"kind", "result"}),
		acks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "onboardbot_slack_ack_seconds",
			Help:    "From receipt of an envelope to its acknowledgement, by kind.",
			Buckets: buckets,
		}, []string{"kind"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "onboardbot_slack_call_seconds",
			Help:    "Web API calls by method and HTTP status (0 = no answer).",
			Buckets: buckets,
		}, []string{"method", "status"}),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.connected, m.opened, m.envelopes, m.acks, m.calls}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(descs chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(descs)
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(into chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(into)
	}
}

// timedTransport measures every Web API call.
type timedTransport struct {
	next  http.RoundTripper
	calls *prometheus.HistogramVec
}

// RoundTrip implements http.RoundTripper.
func (t timedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.next.RoundTrip(req)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	t.calls.WithLabelValues(method(req.URL.Path), strconv.Itoa(status)).Observe(time.Since(began).Seconds())
	return resp, err
}

// method is the Web API method of a path. Uploads and response URLs are "other", since their
// paths are secrets.
func method(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	if !strings.Contains(path, "/api/") || !strings.Contains(name, ".") {
		return "other"
	}
	return name
}
