package pipeline

import (
	"slices"
	"sync"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxFailures is for how many tenants a table may fail before it is given up.
	maxFailures = 100
	// MaxTimeouts is how many tenants a table may keep waiting before it is given up.
	MaxTimeouts = 2
	// maxSuspects bounds how many sessions are kept for a table whose own columns say whose a
	// row is: each of them is a proof. Where the parent decides, every suspect is kept until the
	// truth was asked.
	maxSuspects = 16
)

// Table is what came of reading one table.
type Table struct {
	Relation *catalog.Relation
	// Failures is the number of sessions that could not read the table, Refusals the number of
	// Persons whom its policies turn away by an error until they act in an Org. Reason is the
	// first error.
	Failures, Refusals int
	Reason             string
	// GivenUp says that the table failed too often, and was not read by the rest.
	GivenUp bool
	// CompareRows says that the app role may not read the columns that say whose a row is, so
	// its rows have to be compared with the truth one by one.
	CompareRows bool
	// Answered are the kinds of sessions that read the table.
	Answered map[session.Kind]bool
	// Suspects are sessions that saw rows which seem foreign, and Suspected their number by
	// kind.
	Suspects  []session.Session
	Suspected map[session.Kind]int
}

// Config is what reading every table as every tenant needs.
type Config struct {
	Model       *tenancy.Model
	Dialer      *session.Dialer
	Settings    session.Settings
	Lister      *session.Lister
	Limiter     *session.Limiter
	Connections int
	Results     *results.Collector
}

// reading is the state that readers share.
type reading struct {
	config Config
	tables []*Table

	mu         sync.Mutex
	byRelation map[*catalog.Relation]*Table
	generation int // grows when a table is no longer read, so statements have to be prepared again
	checks     int
}

func newReading(config Config, relations []*catalog.Relation) *reading {
	rd := &reading{config: config, byRelation: map[*catalog.Relation]*Table{}}
	for _, r := range relations {
		t := &Table{Relation: r, Answered: map[session.Kind]bool{}, Suspected: map[session.Kind]int{}}
		rd.tables, rd.byRelation[r] = append(rd.tables, t), t
	}
	return rd
}

// change calls f with a table while no other reader changes it.
func (rd *reading) change(r *catalog.Relation, f func(*Table)) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	f(rd.byRelation[r])
}

func (rd *reading) currentGeneration() int {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return rd.generation
}

// remaining returns the relations that are still read.
func (rd *reading) remaining() []*catalog.Relation {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	var relations []*catalog.Relation
	for _, t := range rd.tables {
		if !t.GivenUp && !t.CompareRows {
			relations = append(relations, t.Relation)
		}
	}
	return relations
}

// refused records that the app role may not read the columns that say whose a row is.
func (rd *reading) refused(r *catalog.Relation, err error) {
	if query.SQLState(err) != query.InsufficientPrivilege {
		rd.fail(r, err)
		return
	}
	rd.change(r, func(t *Table) {
		if !t.CompareRows {
			t.CompareRows = true
			rd.generation++
		}
	})
}

// fail records that a session could not read a table.
func (rd *reading) fail(r *catalog.Relation, err error) {
	code := query.SQLState(err)
	dropped := slices.Contains([]string{query.UndefinedTable, query.InvalidSchemaName, query.UndefinedColumn,
		query.UndefinedFunction}, code)
	rd.change(r, func(t *Table) {
		t.Failures++
		t.explain(err)
		tooSlow := code == query.QueryCanceled && t.Failures >= MaxTimeouts
		if (dropped || tooSlow || t.Failures >= maxFailures) && !t.GivenUp {
			t.GivenUp = true
			rd.generation++
		}
	})
}

func (t *Table) explain(err error) {
	if t.Reason == "" {
		t.Reason = query.Describe(err)
	}
}

// turnAway records a Person whom a table's policies answer with an error until they act in an
// Org.
func (rd *reading) turnAway(r *catalog.Relation, err error) {
	rd.change(r, func(t *Table) {
		t.Refusals++
		t.explain(err)
	})
}

// answer records that a kind of session read a table.
func (rd *reading) answer(r *catalog.Relation, kind session.Kind) {
	rd.change(r, func(t *Table) { t.Answered[kind] = true })
}

func (rd *reading) count(checks int) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.checks += checks
}

// suspect records that a session saw rows of a table that seem foreign.
func (rd *reading) suspect(r *catalog.Relation, s session.Session) {
	rd.change(r, func(t *Table) {
		t.Suspected[s.Kind]++
		if !rd.config.Model.Certain(r) || len(t.Suspects) < maxSuspects {
			t.Suspects = append(t.Suspects, s)
		}
	})
}
