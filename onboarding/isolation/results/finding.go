package results

import (
	"fmt"
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
