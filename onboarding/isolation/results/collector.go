package results

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Collector gathers a report. Its methods may be called by several goroutines at once.
type Collector struct {
	// Script renders what was just run, for leaks that come without a proof, and Redact leaves out
	// what rows contain. Both may be nil.
	Script func() string
	Redact func(script string) string
	// OrgsAlone says that each tenant is an Org, which checks take for a Person.
	OrgsAlone bool

	mu       sync.Mutex
	findings []Finding
	coverage Coverage
	tried    map[string]map[Operation]bool
}

// NewCollector returns an empty collector.
func NewCollector() *Collector { return &Collector{tried: map[string]map[Operation]bool{}} }

// Add adds a finding. Of several for one operation on one relation the first stays, but a leak
// replaces a risk.
func (c *Collector) Add(f Finding) {
	if f.Kind == Leak && f.Proof == "" && c.Script != nil {
		if f.Script == "" {
			f.Script = c.Script()
		}
		f.Proof = c.Redact(f.Script)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, known := range c.findings {
		if known.Operation == f.Operation && known.Table == f.Table {
			if known.Kind == Risk && f.Kind == Leak {
				c.findings[i] = f
			}
			return
		}
	}
	c.findings = append(c.findings, f)
}

// AddRisk adds a risk that is the same for all sessions.
func (c *Collector) AddRisk(operation Operation, object, evidence, fix string) {
	c.Add(Finding{Kind: Risk, Operation: operation, Table: object, As: AnySession, Evidence: evidence, Fix: fix})
}

// Findings returns the findings so far.
func (c *Collector) Findings() []Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.findings)
}

// Replace replaces all findings so far.
func (c *Collector) Replace(findings []Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.findings = findings
}

func (c *Collector) has(matches func(Finding) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.findings, matches)
}

// Has reports whether there is a finding for an operation on a relation.
func (c *Collector) Has(table string, operation Operation) bool {
	return c.has(func(f Finding) bool { return f.Table == table && f.Operation == operation })
}

// HasRisk reports whether there is any risk for a relation.
func (c *Collector) HasRisk(table string) bool {
	return c.has(func(f Finding) bool { return f.Kind == Risk && f.Table == table })
}

// Leaks reports whether there is a leak for a relation, by any of the operations, or by any at
// all when none is named.
func (c *Collector) Leaks(table string, operations ...Operation) bool {
	return c.has(func(f Finding) bool {
		return f.Kind == Leak && f.Table == table && (len(operations) == 0 || slices.Contains(operations, f.Operation))
	})
}

// Blames reports whether a finding of one of the kinds names a function, "schema.name".
func (c *Collector) Blames(function string, kinds ...Kind) bool {
	return c.has(func(f Finding) bool {
		return slices.Contains(kinds, f.Kind) &&
			slices.Contains(f.Functions, function)
	})
}

// Discloses reports whether a leak says that a function, "schema.name", shows others' rows.
func (c *Collector) Discloses(function string) bool {
	return c.has(func(f Finding) bool {
		return f.Kind == Leak && f.Operation == Read && slices.Contains(f.Functions, function)
	})
}

// LeaveOut records what could not be checked. A line that is there already is not repeated.
func (c *Collector) LeaveOut(format string, args ...any) {
	c.appendOnce(&c.coverage.LeftOut, fmt.Sprintf(format, args...))
}

// LeftOut returns what could not be checked so far.
func (c *Collector) LeftOut() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.coverage.LeftOut)
}

// Note records an observation that is no finding. A line that is there already is not repeated.
func (c *Collector) Note(format string, args ...any) {
	c.appendOnce(&c.coverage.Notes, fmt.Sprintf(format, args...))
}

func (c *Collector) appendOnce(list *[]string, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(*list, line) {
		*list = append(*list, line)
	}
}

// Tried records that an operation was attempted on a relation.
func (c *Collector) Tried(table string, operation Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tried[table] == nil {
		c.tried[table] = map[Operation]bool{}
	}
	c.tried[table][operation] = true
}

// Cover changes the coverage.
func (c *Collector) Cover(change func(*Coverage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.coverage)
}

// CountWrite counts an attempt to write.
func (c *Collector) CountWrite() { c.Cover(func(cov *Coverage) { cov.WriteAttempts++ }) }

// CountCall counts a call of a function.
func (c *Collector) CountCall() { c.Cover(func(cov *Coverage) { cov.Functions++ }) }

// Coverage returns the coverage so far.
func (c *Collector) Coverage() Coverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.coverage
}

// CoverRelation adds a relation to the coverage, with the operations that were tried on it.
func (c *Collector) CoverRelation(covered Covered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for operation := range c.tried[covered.Table] {
		covered.Tried = append(covered.Tried, operation)
		if !slices.Contains(c.coverage.Operations, operation) {
			c.coverage.Operations = append(c.coverage.Operations, operation)
		}
	}
	slices.Sort(covered.Tried)
	slices.Sort(c.coverage.Operations)
	c.coverage.Detail = append(c.coverage.Detail, covered)
}

// Report returns the report: the findings in order, the verdict that follows from them, and the
// coverage.
func (c *Collector) Report() *Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &Report{Findings: slices.Clone(c.findings), Coverage: c.coverage}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Table, b.Table),
			cmp.Compare(a.Operation, b.Operation))
	})
	r.Verdict = r.judge()
	if c.OrgsAlone {
		r.nameOrgs()
	}
	r.Coverage.Tenants = r.Coverage.Persons + r.Coverage.Orgs
	r.withEmptyLists()
	return r
}

// withEmptyLists makes nil lists empty ones, since readers of the JSON expect lists.
func (r *Report) withEmptyLists() {
	c := &r.Coverage
	for _, list := range []*[]string{&c.LeftOut, &c.Unclassified, &c.Excused, &c.Notes} {
		if *list == nil {
			*list = []string{}
		}
	}
	if c.Operations == nil {
		c.Operations = []Operation{}
	}
	if c.Detail == nil {
		c.Detail = []Covered{}
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
}
