// Package record holds the request for a report on isolation, and the report as it is kept. It has no
// I/O, so what shows a report needs no database.
package record

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// Request says what to check and where people read the report. It is also the job's arguments,
// so its JSON must not change.
type Request struct {
	// ID becomes the report's.
	ID uuid.UUID `json:"id"`
	// Tenant is the slug of the tenant to check, or empty for all tenants.
	Tenant string `json:"tenant,omitempty"`
	// Deep adds the test of non-interference.
	Deep bool `json:"deep,omitempty"`
	// By is the id of the operator who asked, empty for a scheduled report.
	By string `json:"by,omitempty"`
	// Channel is the id of the channel in which the report is posted.
	Channel string `json:"channel"`
	// Tick is the time of the schedule, zero for a report that an operator asked for.
	Tick time.Time `json:"tick,omitzero"`
}

// Record is the answer to a request.
type Record struct {
	Request
	At time.Time
	// Report is nil when the check failed to run; Problem then says why.
	Report  *results.Report
	Problem string
	// Changes are those since the previous report about the same tenants, which was made at
	// Since. Both are zero for the first.
	Changes results.Changes
	Since   time.Time
	// Unseen are earlier findings that this report could not check again: neither fixed nor
	// confirmed.
	Unseen []results.Finding
}

// Count returns the number of findings of a kind.
func (r *Record) Count(kind results.Kind) int {
	count := 0
	if r.Report != nil {
		for _, finding := range r.Report.Findings {
			if finding.Kind == kind {
				count++
			}
		}
	}
	return count
}

// Unchecked returns the number of things that could not be checked or classified.
func (r *Record) Unchecked() int {
	if r.Report == nil {
		return 0
	}
	return len(r.Report.Unchecked())
}

// Compare sets Changes and Unseen from the findings that were open before.
func (r *Record) Compare(earlier []results.Finding) {
	if r.Report == nil {
		r.Unseen = earlier
		return
	}
	// A risk that was proven meanwhile is a new leak; the risk counts neither as fixed nor as
	// unseen.
	earlier = slices.DeleteFunc(slices.Clone(earlier), func(before results.Finding) bool {
		return slices.ContainsFunc(r.Report.Findings, func(now results.Finding) bool {
			return now.Table == before.Table && now.Operation == before.Operation && now.Kind != before.Kind
		})
	})
	r.Changes = results.Diff(&results.Report{Findings: earlier}, r.Report)
	checked := map[string]bool{}
	for _, finding := range slices.Concat(r.Changes.Fixed, r.Report.Findings) {
		checked[finding.Key()] = true
	}
	for _, accepted := range r.Report.Accepted {
		checked[accepted.Key()] = true
	}
	for _, finding := range earlier {
		if !checked[finding.Key()] {
			r.Unseen = append(r.Unseen, finding)
		}
	}
}

// Open lists the findings of the report and those that it could not check again.
func (r *Record) Open() []results.Finding {
	open := []results.Finding{}
	if r.Report != nil {
		open = append(open, r.Report.Findings...)
	}
	return append(open, r.Unseen...)
}
