package isolation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Verdict is what a report says in one word.
type Verdict string

// The verdicts, from best to worst. A risk alone is not a proof, and an incomplete report is never green.
const (
	Sound      Verdict = "sound"
	Risky      Verdict = "risk"
	Incomplete Verdict = "incomplete"
	Leaking    Verdict = "leak"
)

// ExitStatus is 0 when nothing leaked, 1 for a proven leak and 2 when the check could not be completed.
func (v Verdict) ExitStatus() int {
	switch v {
	case Leaking:
		return 1
	case Sound, Risky:
		return 0
	}
	return 2
}

// Kind tells proof from suspicion.
type Kind string

// A Leak was done, and rolled back; a Risk was not, and says why it matters.
const (
	Leak Kind = "leak"
	Risk Kind = "risk"
)

// Finding is one thing that a tenant can do to others, or might.
type Finding struct {
	Kind Kind `json:"kind"`
	// Operation is read, insert, update, delete, truncate or, for risks that are none of these, what is at risk.
	Operation string `json:"operation"`
	// Table is "schema.name" of the table, view or function.
	Table string `json:"table"`
	// As is the session that did it, by IDs.
	As string `json:"as"`
	// Evidence says what happened to whose row, by IDs and never by contents.
	Evidence string `json:"evidence"`
	// Fix is SQL that closes it, to be read before it is run.
	Fix string `json:"fix"`
}

// Key names a finding across reports.
func (f Finding) Key() string { return fmt.Sprintf("%s %s %s", f.Kind, f.Operation, f.Table) }

// Covered is what was tried on one table.
type Covered struct {
	Table string `json:"table"`
	Class string `json:"class"`
	// Why is what led to the class.
	Why    string   `json:"why,omitempty"`
	Tried  []string `json:"tried,omitempty"`
	Empty  bool     `json:"empty,omitempty"`
	Reason string   `json:"not_tried,omitempty"`
}

// Coverage is what a report rests on.
type Coverage struct {
	Tenants       int       `json:"tenants"`
	Persons       int       `json:"persons"`
	Orgs          int       `json:"orgs"`
	Tables        int       `json:"tables"`
	Operations    []string  `json:"operations"`
	Reads         int       `json:"reads"`
	WriteAttempts int       `json:"write_attempts"`
	Functions     int       `json:"functions_called"`
	Seconds       float64   `json:"seconds"`
	Started       time.Time `json:"started"`
	// LeftOut is what could not be checked; any entry keeps the report from being sound.
	LeftOut []string `json:"left_out"`
	// Unclassified are relations that seem to be somebody's, without a way to tell whose.
	Unclassified []string `json:"unclassified"`
	// Excused are relations and functions that the configuration excused, with its reason.
	Excused []string `json:"excused"`
	// Notes are observations that are no findings.
	Notes  []string  `json:"notes"`
	Detail []Covered `json:"detail"`
}

// Report is the outcome of one check.
type Report struct {
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"`
	Coverage Coverage  `json:"coverage"`
}

// Changes is what became of the findings since the previous report.
type Changes struct {
	New, Fixed, Unchanged []Finding
}

// Diff compares two reports by their findings' keys. Without a previous report everything is new. What the current report could not
// look at again because it is incomplete is not called fixed.
func Diff(previous, current *Report) Changes {
	var c Changes
	before := map[string]bool{}
	if previous != nil {
		for _, f := range previous.Findings {
			before[f.Key()] = true
		}
	}
	now := map[string]bool{}
	for _, f := range current.Findings {
		now[f.Key()] = true
		if before[f.Key()] {
			c.Unchanged = append(c.Unchanged, f)
		} else {
			c.New = append(c.New, f)
		}
	}
	if previous != nil && len(current.Coverage.LeftOut) == 0 {
		for _, f := range previous.Findings {
			if !now[f.Key()] {
				c.Fixed = append(c.Fixed, f)
			}
		}
	}
	return c
}

// ledger gathers a report from several goroutines.
type ledger struct {
	mu       sync.Mutex
	findings []Finding
	coverage Coverage
	tried    map[string]map[string]bool
}

func (l *ledger) find(f Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, known := range l.findings {
		if known.Operation == f.Operation && known.Table == f.Table {
			if known.Kind == Risk && f.Kind == Leak {
				l.findings[i] = f
			}
			return
		}
	}
	l.findings = append(l.findings, f)
}

// fold makes one finding of what is the same on many partitions of one table.
func (l *ledger) fold(cat *catalogue, role string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortStableFunc(l.findings, func(a, b Finding) int { return cmp.Compare(a.Table, b.Table) })
	first, more := map[string]int{}, map[string]int{}
	var folded []Finding
	for _, f := range l.findings {
		t := cat.named(f.Table)
		if t == nil || !t.Partition {
			folded = append(folded, f)
			continue
		}
		key := fmt.Sprint(f.Kind, f.Operation, t.Parent)
		if _, seen := first[key]; !seen {
			first[key] = len(folded)
			folded = append(folded, f)
			continue
		}
		more[key]++
	}
	for key, n := range more {
		f := &folded[first[key]]
		parent := cat.byOID[cat.named(f.Table).Parent]
		f.Evidence += fmt.Sprintf(" (so it is on %d more partitions of %s)", n, parent)
		f.Fix = fmt.Sprintf("DO $$ DECLARE p regclass; BEGIN FOR p IN SELECT relid FROM pg_partition_tree(%s) WHERE level > 0 LOOP\nEXECUTE format('REVOKE ALL ON %%s FROM PUBLIC, %s', p); END LOOP; END $$; -- reach them through their parent",
			literal(parent.SQL()), strings.ReplaceAll(role, "'", "''"))
	}
	l.findings = folded
}

// leaks reports whether something was proven for a table, by any of the operations (by all when none is named).
func (l *ledger) leaks(table string, operations ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.findings, func(f Finding) bool {
		return f.Kind == Leak && f.Table == table && (len(operations) == 0 || slices.Contains(operations, f.Operation))
	})
}

// known reports whether there is a finding for an operation on a relation already.
func (l *ledger) known(t *relation, operation string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.findings, func(f Finding) bool { return f.Table == t.String() && f.Operation == operation })
}

// leaveOut notes what could not be checked.
func (l *ledger) leaveOut(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(l.coverage.LeftOut, line) {
		l.coverage.LeftOut = append(l.coverage.LeftOut, line)
	}
}

func (l *ledger) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(l.coverage.Notes, line) {
		l.coverage.Notes = append(l.coverage.Notes, line)
	}
}

// try notes that an operation was attempted on a table.
func (l *ledger) try(table, operation string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tried[table] == nil {
		l.tried[table] = map[string]bool{}
	}
	l.tried[table][operation] = true
}

// report closes the books.
func (l *ledger) report() *Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &Report{Verdict: Sound, Findings: slices.Clone(l.findings), Coverage: l.coverage}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Operation, b.Operation))
	})
	for _, f := range r.Findings {
		if f.Kind == Leak {
			r.Verdict = Leaking
		} else if r.Verdict == Sound {
			r.Verdict = Risky
		}
	}
	if r.Verdict != Leaking && len(r.Coverage.LeftOut)+len(r.Coverage.Unclassified) > 0 {
		r.Verdict = Incomplete
	}
	// JSON readers expect lists, also empty ones.
	for _, list := range []*[]string{&r.Coverage.LeftOut, &r.Coverage.Unclassified, &r.Coverage.Excused, &r.Coverage.Notes, &r.Coverage.Operations} {
		if *list == nil {
			*list = []string{}
		}
	}
	if r.Coverage.Detail == nil {
		r.Coverage.Detail = []Covered{}
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return r
}
