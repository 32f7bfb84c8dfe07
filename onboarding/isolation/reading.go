package isolation

import (
	"slices"
	"sync"
)

// reading is the state that readers share.
type reading struct {
	run    *run
	tables []*relation

	mu         sync.Mutex
	generation int                           // grows when a table is given up
	given      map[*relation]bool            // up
	failures   map[*relation]int             // tenants that a table could not be read for
	reasons    map[*relation]string          // why, the first time
	refusals   map[*relation]int             // Persons whom policies turn away by an error until they act in an Org
	answered   map[*relation]map[string]bool // by kind of session
	slow       map[*relation]bool            // whose owners the app role may not read
	suspects   map[*relation][]session       // at most suspectCap where the suspicion is certain
	suspected  map[*relation]map[string]int  // sessions by kind of label
	checks     int
}

// suspectCap bounds how many sessions are kept for a table whose own columns say whose a row is: any of them is a proof. Where the
// parent decides, every suspect has to be kept until the truth was asked.
const suspectCap = 16

func newReading(r *run, tables []*relation) *reading {
	return &reading{run: r, tables: tables, given: map[*relation]bool{}, failures: map[*relation]int{}, reasons: map[*relation]string{}, slow: map[*relation]bool{},
		refusals: map[*relation]int{}, answered: map[*relation]map[string]bool{},
		suspects: map[*relation][]session{}, suspected: map[*relation]map[string]int{}}
}

func (rd *reading) currentGeneration() int {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return rd.generation
}

func (rd *reading) remaining() []*relation {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(rd.tables), func(r *relation) bool { return rd.given[r] || rd.slow[r] })
}

// refused notes a table whose owners the app role may not read: its rows are compared with the truth one by one instead.
func (rd *reading) refused(r *relation, err error) {
	if sqlstate(err) != "42501" {
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

func (rd *reading) fail(r *relation, err error) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.failures[r]++
	if rd.reasons[r] == "" {
		rd.reasons[r] = describe(err)
	}
	gone := map[string]bool{"42P01": true, "3F000": true, "42703": true, "42883": true}[sqlstate(err)]
	impatient := sqlstate(err) == timedOut && rd.failures[r] >= timeoutPatience
	if (gone || impatient || rd.failures[r] >= patience) && !rd.given[r] {
		rd.given[r] = true
		rd.generation++
	}
}

// turnAway notes a Person whom a table's policies answer with an error until they act in an Org.
func (rd *reading) turnAway(r *relation, err error) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.refusals[r]++
	if rd.reasons[r] == "" {
		rd.reasons[r] = describe(err)
	}
}

func (rd *reading) answer(r *relation, kind string) {
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

func (rd *reading) suspect(r *relation, s session) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	kinds := rd.suspected[r]
	if kinds == nil {
		kinds = map[string]int{}
		rd.suspected[r] = kinds
	}
	kinds[s.kind()]++
	if !rd.run.m.certain(r) || len(rd.suspects[r]) < suspectCap {
		rd.suspects[r] = append(rd.suspects[r], s)
	}
}
