package checks

import (
	"slices"
	"sync"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// reading is the state that readers share.
type reading struct {
	run    *Run
	tables []*catalog.Relation

	mu         sync.Mutex
	generation int                                     // grows when a table is given up
	given      map[*catalog.Relation]bool              // up
	failures   map[*catalog.Relation]int               // tenants that a table could not be read for
	reasons    map[*catalog.Relation]string            // why, the first time
	refusals   map[*catalog.Relation]int               // Persons whom policies turn away by an error until they act in an Org
	answered   map[*catalog.Relation]map[string]bool   // by kind of session
	slow       map[*catalog.Relation]bool              // whose owners the app role may not read
	suspects   map[*catalog.Relation][]session.Session // at most suspectCap where the suspicion is certain
	suspected  map[*catalog.Relation]map[string]int    // sessions by kind of label
	checks     int
}

// suspectCap bounds how many sessions are kept for a table whose own columns say whose a row is: any of them is a proof. Where the
// parent decides, every suspect has to be kept until the truth was asked.
const suspectCap = 16

func newReading(r *Run, tables []*catalog.Relation) *reading {
	return &reading{run: r, tables: tables, given: map[*catalog.Relation]bool{}, failures: map[*catalog.Relation]int{}, reasons: map[*catalog.Relation]string{}, slow: map[*catalog.Relation]bool{},
		refusals: map[*catalog.Relation]int{}, answered: map[*catalog.Relation]map[string]bool{},
		suspects: map[*catalog.Relation][]session.Session{}, suspected: map[*catalog.Relation]map[string]int{}}
}

func (rd *reading) currentGeneration() int {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return rd.generation
}

func (rd *reading) remaining() []*catalog.Relation {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(rd.tables), func(r *catalog.Relation) bool { return rd.given[r] || rd.slow[r] })
}

// refused notes a table whose owners the app role may not read: its rows are compared with the truth one by one instead.
func (rd *reading) refused(r *catalog.Relation, err error) {
	if query.SQLState(err) != "42501" {
		rd.fail(r, err)
		return
	}
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if !rd.slow[r] {
		rd.slow[r] = true
		rd.generation++
	}
}

func (rd *reading) fail(r *catalog.Relation, err error) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.failures[r]++
	if rd.reasons[r] == "" {
		rd.reasons[r] = query.Describe(err)
	}
	gone := map[string]bool{"42P01": true, "3F000": true, "42703": true, "42883": true}[query.SQLState(err)]
	impatient := query.SQLState(err) == query.QueryCanceled && rd.failures[r] >= timeoutPatience
	if (gone || impatient || rd.failures[r] >= patience) && !rd.given[r] {
		rd.given[r] = true
		rd.generation++
	}
}

// turnAway notes a Person whom a table's policies answer with an error until they act in an Org.
func (rd *reading) turnAway(r *catalog.Relation, err error) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.refusals[r]++
	if rd.reasons[r] == "" {
		rd.reasons[r] = query.Describe(err)
	}
}

func (rd *reading) answer(r *catalog.Relation, kind string) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if rd.answered[r] == nil {
		rd.answered[r] = map[string]bool{}
	}
	rd.answered[r][kind] = true
}

func (rd *reading) count(checks int) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.checks += checks
}

func (rd *reading) suspect(r *catalog.Relation, s session.Session) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	kinds := rd.suspected[r]
	if kinds == nil {
		kinds = map[string]int{}
		rd.suspected[r] = kinds
	}
	kinds[s.Kind()]++
	if !rd.run.m.Certain(r) || len(rd.suspects[r]) < suspectCap {
		rd.suspects[r] = append(rd.suspects[r], s)
	}
}
