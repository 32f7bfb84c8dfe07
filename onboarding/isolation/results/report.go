package results

import (
	"time"
)

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
