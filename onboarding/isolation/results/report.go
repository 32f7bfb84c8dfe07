package results

import (
	"slices"
	"time"
)

// Verdict is what a report says in one word.
type Verdict string

// The verdicts, from best to worst. A risk is something that no session could prove or refute, so
// a report with one is incomplete, and an incomplete report is never sound.
const (
	Sound      Verdict = "sound"
	Incomplete Verdict = "incomplete"
	Leaking    Verdict = "leak"
)

// ExitStatus is 0 for sound, 1 for a proven leak and 2 when something could not be proven or
// refuted.
func (v Verdict) ExitStatus() int {
	switch v {
	case Leaking:
		return 1
	case Sound:
		return 0
	}
	return 2
}

// Report is the outcome of one check.
type Report struct {
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"`
	// Accepted are the risks that somebody accepted. They are no findings.
	Accepted []Accepted `json:"accepted,omitempty"`
	Coverage Coverage   `json:"coverage"`
}

// judge returns the verdict that follows from the findings and the coverage.
func (r *Report) judge() Verdict {
	switch {
	case slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == Leak }):
		return Leaking
	case len(r.Findings)+len(r.Unchecked()) > 0:
		return Incomplete
	}
	return Sound
}

// Unchecked lists what could not be checked or classified.
func (r *Report) Unchecked() []string {
	return slices.Concat(r.Coverage.LeftOut, r.Coverage.Unclassified)
}

// Has reports whether a finding with a key is in the report.
func (r *Report) Has(key string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Key() == key })
}

// Coverage is what a report rests on.
type Coverage struct {
	Tenants       int         `json:"tenants"`
	Persons       int         `json:"persons"`
	Orgs          int         `json:"orgs"`
	Tables        int         `json:"tables"`
	Operations    []Operation `json:"operations"`
	Reads         int         `json:"reads"`
	WriteAttempts int         `json:"write_attempts"`
	Functions     int         `json:"functions_called"`
	Seconds       float64     `json:"seconds"`
	Started       time.Time   `json:"started"`
	// Interference is what the test of non-interference took; nil where it was not run.
	Interference *Interference `json:"interference,omitempty"`
	// Postgres is the server's version, such as 17.10.
	Postgres string `json:"postgres,omitempty"`
	// LeftOut is what could not be checked. Any entry keeps the report from being sound.
	LeftOut []string `json:"left_out"`
	// Unclassified are relations that seem to belong to tenants, and nothing says to which. Any
	// entry keeps the report from being sound.
	Unclassified []string `json:"unclassified"`
	// Excused are relations and functions that the configuration excuses, with its reason.
	Excused []string `json:"excused"`
	// Notes are observations that are no findings.
	Notes  []string  `json:"notes"`
	Detail []Covered `json:"detail"`
}

// Interference is how many pairs of an attacker and a victim were tried, how often attackers looked,
// and how long that took.
type Interference struct {
	Pairs        int     `json:"pairs"`
	Observations int     `json:"observations"`
	Seconds      float64 `json:"seconds"`
}

// Covered is what was tried on one relation.
type Covered struct {
	Table string `json:"table"`
	// Class says what the relation's rows are: tenants, tenants' rows or the platform's; Why
	// says what led to it.
	Class string      `json:"class"`
	Why   string      `json:"why,omitempty"`
	Tried []Operation `json:"tried,omitempty"`
	// Empty says that no row belonged to a tenant, so reads proved nothing.
	Empty bool `json:"empty,omitempty"`
	// Reason is why nothing was tried.
	Reason string `json:"not_tried,omitempty"`
}
