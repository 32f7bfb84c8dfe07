package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
)

// Collector reads the numbers of all runs from the database whenever it is asked, so all replicas
// report the same and a restart loses nothing. What has ended is counted from the audit chain, whose
// entries are numbered in the order in which they were committed: only those since the last time are
// read. The first time reads all of them. If that takes too long, the next time goes on where it ended.
type Collector struct {
	db DB

	mu sync.Mutex
	// counted is the entry of the chain up to which sums has everything.
	counted audit.Head
	sums    map[series]sum
}

var _ prometheus.Collector = (*Collector)(nil)

// Collector returns the metrics of runs, steps and approvals.
func (r *Records) Collector() *Collector { return &Collector{db: r.db} }

// series are those that end or happen, named by the kind of their entries in the chain.
type series struct{ Entry, Kind, Outcome string }

// sum is how many there were, and how long those took of which that is known.
type sum struct {
	Count   float64
	Timed   uint64
	Seconds float64
}

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

// countAtOnce is how many entries of the chain one statement counts.
const countAtOnce = 20_000

const (
	// selectHead is the newest entry of the chain, and whether the chain still has entry $1 with hash $2. It has
	// not if the database was restored to an earlier time.
	selectHead = `SELECT seq, $1 = 0 OR EXISTS (SELECT FROM chain WHERE seq = $1 AND encode(hash, 'hex') = $2)
		FROM chain ORDER BY seq DESC LIMIT 1`
	hashOfEntry = `SELECT encode(hash, 'hex') FROM chain WHERE seq = $1`
	// countEntries sums up the entries of the chain after $1 and up to $2.
	countEntries = `
		WITH new AS (SELECT kind, record::jsonb AS r FROM chain
			WHERE seq > $1 AND seq <= $2 AND kind IN ('run', 'event', 'vote'))
		SELECT kind AS entry, r->>'kind' AS kind, r->>'state' AS outcome, count(*)::float8, 0::bigint AS timed,
				0::float8 AS seconds
			FROM new WHERE kind = 'run' AND r->>'state' <> 'active' GROUP BY 1, 2, 3
		UNION ALL SELECT kind, split_part(r->>'step', '/', 1), r->>'kind', count(*),
				count(*) FILTER (WHERE (r->>'took')::float8 > 0), coalesce(sum((r->>'took')::float8), 0) / 1000000
			FROM new WHERE kind = 'event' AND r->>'kind' IN ('done', 'failed', 'rejected', 'expired', 'unknown')
			GROUP BY 1, 2, 3
		UNION ALL SELECT new.kind, '', CASE WHEN (r->>'agrees')::boolean THEN 'approved' ELSE 'rejected' END, count(*),
				count(*), sum(extract(epoch FROM (r->>'at')::timestamp AT TIME ZONE 'UTC' - asked_at))
			FROM new JOIN approvals ON id = (r->>'approval')::uuid WHERE new.kind = 'vote' GROUP BY 1, 2, 3`

	countActive  = `SELECT kind, count(*) FROM runs WHERE state = 'active' GROUP BY kind`
	countWaiting = `SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(asked_at)), 0)::float8
		FROM approvals WHERE state = 'open'`
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
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, collect := range []func(context.Context, chan<- prometheus.Metric) error{c.ended, c.active, c.waiting} {
		if err := collect(ctx, ch); err != nil {
			ch <- prometheus.NewInvalidMetric(runsMetric, fmt.Errorf("metrics of runs: %w", err))
			return
		}
	}
}

// ended tells what has ended so far.
func (c *Collector) ended(ctx context.Context, ch chan<- prometheus.Metric) error {
	if err := c.count(ctx); err != nil {
		return err
	}
	for of, sum := range c.sums {
		switch of.Entry {
		case "run":
			ch <- prometheus.MustNewConstMetric(runsMetric, prometheus.GaugeValue, sum.Count, of.Kind, of.Outcome)
		case "vote":
			ch <- prometheus.MustNewConstSummary(decisionsMetric, sum.Timed, sum.Seconds, nil, of.Outcome)
		case "event":
			ch <- prometheus.MustNewConstMetric(stepsMetric, prometheus.CounterValue, sum.Count, of.Kind, of.Outcome)
			if of.Outcome == string(onboarding.EventDone) {
				ch <- prometheus.MustNewConstSummary(durationMetric, sum.Timed, sum.Seconds, nil, of.Kind)
			}
		}
	}
	return nil
}

// count counts the entries of the chain since the last time. What was counted when it returns an error
// is not counted again.
func (c *Collector) count(ctx context.Context) error {
	var head int64
	var known bool
	err := c.db.QueryRow(ctx, selectHead, c.counted.Seq, c.counted.Hash).Scan(&head, &known)
	if err != nil {
		return fmt.Errorf("audit chain: %w", err)
	}
	if !known || c.sums == nil {
		c.counted, c.sums = audit.Head{}, map[series]sum{}
	}
	for c.counted.Seq < head {
		if err := c.countUpTo(ctx, min(c.counted.Seq+countAtOnce, head)); err != nil {
			return fmt.Errorf("audit chain: %w", err)
		}
	}
	return nil
}

func (c *Collector) countUpTo(ctx context.Context, seq int64) error {
	rows, _ := c.db.Query(ctx, countEntries, c.counted.Seq, seq) // CollectRows returns the error
	type counted struct {
		series
		sum
	}
	more, err := pgx.CollectRows(rows, pgx.RowToStructByPos[counted])
	if err != nil {
		return err
	}
	var hash string
	if err := c.db.QueryRow(ctx, hashOfEntry, seq).Scan(&hash); err != nil {
		return err
	}
	for _, each := range more {
		sum := c.sums[each.series]
		sum.Count, sum.Timed, sum.Seconds = sum.Count+each.Count, sum.Timed+each.Timed, sum.Seconds+each.Seconds
		c.sums[each.series] = sum
	}
	c.counted = audit.Head{Seq: seq, Hash: hash}
	return nil
}

func (c *Collector) active(ctx context.Context, ch chan<- prometheus.Metric) error {
	rows, _ := c.db.Query(ctx, countActive) // ForEachRow returns the error
	var kind string
	var count float64
	_, err := pgx.ForEachRow(rows, []any{&kind, &count}, func() error {
		ch <- prometheus.MustNewConstMetric(runsMetric, prometheus.GaugeValue, count, kind,
			string(onboarding.RunActive))
		return nil
	})
	return err
}

// waiting tells what waits for people.
func (c *Collector) waiting(ctx context.Context, ch chan<- prometheus.Metric) error {
	var waiting, oldest float64
	if err := c.db.QueryRow(ctx, countWaiting).Scan(&waiting, &oldest); err != nil {
		return fmt.Errorf("approvals: %w", err)
	}
	ch <- prometheus.MustNewConstMetric(waitingMetric, prometheus.GaugeValue, waiting)
	ch <- prometheus.MustNewConstMetric(oldestMetric, prometheus.GaugeValue, oldest)
	freeze, err := On(c.db).Frozen(ctx)
	if err != nil {
		return err
	}
	held := 0.0
	if freeze != nil {
		held = 1
	}
	ch <- prometheus.MustNewConstMetric(frozenMetric, prometheus.GaugeValue, held)
	return nil
}
