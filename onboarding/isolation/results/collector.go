package results

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

func NewCollector() *Collector { return &Collector{Operations: map[string]map[string]bool{}} }

// ledger gathers a report from several goroutines.
type Collector struct {
	mu         sync.Mutex
	findings   []Finding
	Coverage   Coverage
	Operations map[string]map[string]bool
}

func (l *Collector) Add(f Finding) {
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

// findingsMade are the findings so far.
func (l *Collector) List() []Finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.findings)
}

// replace puts other findings in the place of those so far.
func (l *Collector) Replace(findings []Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.findings = findings
}

// leaks reports whether something was proven for a table, by any of the operations (by all when none is named).
func (l *Collector) Leaks(table string, operations ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.findings, func(f Finding) bool {
		return f.Kind == Leak && f.Table == table && (len(operations) == 0 || slices.Contains(operations, f.Operation))
	})
}

// known reports whether there is a finding for an operation on a relation already.
func (l *Collector) Has(table string, operation string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.findings, func(f Finding) bool { return f.Table == table && f.Operation == operation })
}

// leaveOut notes what could not be checked.
func (l *Collector) LeaveOut(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(l.Coverage.LeftOut, line) {
		l.Coverage.LeftOut = append(l.Coverage.LeftOut, line)
	}
}

func (l *Collector) Note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(l.Coverage.Notes, line) {
		l.Coverage.Notes = append(l.Coverage.Notes, line)
	}
}

// try notes that an operation was attempted on a table.
func (l *Collector) Tried(table, operation string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Operations[table] == nil {
		l.Operations[table] = map[string]bool{}
	}
	l.Operations[table][operation] = true
}

func (l *Collector) LeftOut() []string { return l.Coverage.LeftOut }

// report closes the books.
func (l *Collector) Report() *Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &Report{Verdict: Sound, Findings: slices.Clone(l.findings), Coverage: l.Coverage}
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
