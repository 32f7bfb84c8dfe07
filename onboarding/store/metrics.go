package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlilith/onboardbot/onboarding"
)

// Collector reads the numbers of all runs from the database whenever it is asked, so all replicas
// report the same and a restart loses nothing.
type Collector struct {
	records *Records
}

var _ prometheus.Collector = (*Collector)(nil)

// Collector returns the metrics of runs, steps and approvals.
func (r *Records) Collector() *Collector { return &Collector{records: r} }

var (
	runsMetric = prometheus.NewDesc("onboarding_runs", "Runs by kind and state.", []string{"kind", "state"}, nil)

	stepsMetric = prometheus.NewDesc("onboarding_steps_ended_total",
		"How often steps came to an end, by kind and outcome.", []string{"step", "outcome"}, nil)
	durationMetric = prometheus.NewDesc("onboarding_step_apply_seconds",
		"How long steps took to be applied, by kind.", []string{"step"}, nil)
	waitingMetric = prometheus.NewDesc("onboarding_approvals_waiting",
		"Approvals that nobody has decided yet.", nil, nil)
	oldestMetric = prometheus.NewDesc("onboarding_approvals_oldest_seconds",
		"How long the oldest open approval has waited.", nil, nil)
	decisionsMetric = prometheus.NewDesc("onboarding_approval_decision_seconds",
		"How long approvals waited for their decision, by outcome.", []string{"outcome"}, nil)
	frozenMetric = prometheus.NewDesc("onboarding_frozen",
		"1 while a freeze holds destructive steps.", nil, nil)
)

const (
	countRuns       = `SELECT kind, state, count(*) FROM runs GROUP BY kind, state`
	countEndedSteps = `SELECT split_part(step, '/', 1), kind, count(*), count(*) FILTER (WHERE took > '0'),
			coalesce(sum(extract(epoch FROM took)), 0)::float8
		FROM events WHERE kind IN ('done', 'failed', 'rejected', 'expired', 'unknown') GROUP BY 1, 2`
	countWaiting = `SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(asked_at)), 0)::float8
		FROM approvals WHERE state = 'open'`
	countDecisions = `SELECT CASE WHEN agrees THEN 'approved' ELSE 'rejected' END, count(*),
			sum(extract(epoch FROM at - asked_at))::float8
		FROM votes JOIN approvals ON approvals.id = approval_id GROUP BY 1`
)

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		runsMetric, stepsMetric, durationMetric, waitingMetric, oldestMetric, decisionsMetric, frozenMetric,
	} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector]. What the database cannot tell becomes an error of
// the scrape.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, collect := range []func(context.Context, chan<- prometheus.Metric) error{c.runs, c.steps, c.approvals} {
		if err := collect(ctx, ch); err != nil {
			ch <- prometheus.NewInvalidMetric(runsMetric, fmt.Errorf("metrics of runs: %w", err))
			return
		}
	}
}

func (c *Collector) runs(ctx context.Context, ch chan<- prometheus.Metric) error {
	rows, _ := c.records.db.Query(ctx, countRuns) // ForEachRow returns the error
	var kind, state string
	var count float64
	_, err := pgx.ForEachRow(rows, []any{&kind, &state, &count}, func() error {
		ch <- prometheus.MustNewConstMetric(runsMetric, prometheus.GaugeValue, count, kind, state)
		return nil
	})
	return err
}

func (c *Collector) steps(ctx context.Context, ch chan<- prometheus.Metric) error {
	rows, _ := c.records.db.Query(ctx, countEndedSteps)
	var step, outcome string
	var count, seconds float64
	var applied uint64
	_, err := pgx.ForEachRow(rows, []any{&step, &outcome, &count, &applied, &seconds}, func() error {
		ch <- prometheus.MustNewConstMetric(stepsMetric, prometheus.CounterValue, count, step, outcome)
		if outcome == string(onboarding.EventDone) {
			ch <- prometheus.MustNewConstSummary(durationMetric, applied, seconds, nil, step)
		}
		return nil
	})
	return err
}

func (c *Collector) approvals(ctx context.Context, ch chan<- prometheus.Metric) error {
	var waiting, oldest float64
	err := c.records.db.QueryRow(ctx, countWaiting).
		Scan(&waiting, &oldest)
	if err != nil {
		return fmt.Errorf("approvals: %w", err)
	}
	ch <- prometheus.MustNewConstMetric(waitingMetric, prometheus.GaugeValue, waiting)
	ch <- prometheus.MustNewConstMetric(oldestMetric, prometheus.GaugeValue, oldest)
	freeze, err := c.records.Frozen(ctx)
	if err != nil {
		return err
	}
	held := 0.0
	if freeze != nil {
		held = 1
	}
	ch <- prometheus.MustNewConstMetric(frozenMetric, prometheus.GaugeValue, held)
	rows, _ := c.records.db.Query(ctx, countDecisions)
	var outcome string
	var count uint64
	var seconds float64
	_, err = pgx.ForEachRow(rows, []any{&outcome, &count, &seconds}, func() error {
		ch <- prometheus.MustNewConstSummary(decisionsMetric, count, seconds, nil, outcome)
		return nil
	})
	return err
}
