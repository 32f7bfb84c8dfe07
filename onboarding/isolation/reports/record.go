package reports

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// Request says what is to be reported, and where. It is the job's arguments as well.
type Request struct {
	// ID is the report's.
	ID uuid.UUID `json:"id"`
	// Tenant is the slug of the one that it is about, empty for all.
	Tenant string `json:"tenant,omitempty"`
	// By is the id of who asks, and Channel where the answer is read. A scheduled report has a tick in place of the first.
	By      string    `json:"by,omitempty"`
	Channel string    `json:"channel"`
	Tick    time.Time `json:"tick,omitzero"`
}

// Record is what came of a request.
type Record struct {
	Request
	At time.Time
	// Report is nil where nothing could be said, and then Problem says why.
	Report  *isolation.Report
	Problem string
	// Changes are those since the report before, which was about the same tenants at Since; zero for the first.
	Changes isolation.Changes
	Since   time.Time
	// Unseen are earlier findings that this report could not look at again: neither fixed nor seen.
	Unseen []isolation.Finding
}

// Count is how many findings of a kind there are.
func (r *Record) Count(kind isolation.Kind) int {
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

// Unchecked is how many things could not be checked or classified.
func (r *Record) Unchecked() int {
	if r.Report == nil {
		return 0
	}
	return len(r.Report.Coverage.LeftOut) + len(r.Report.Coverage.Unclassified)
}

// compare fills in what changed since earlier findings.
func (r *Record) compare(earlier []isolation.Finding) {
	if r.Report == nil {
		r.Unseen = earlier
		return
	}
	// A risk that was proven meanwhile is new as a leak, and nothing was fixed.
	earlier = slices.DeleteFunc(slices.Clone(earlier), func(before isolation.Finding) bool {
		return slices.ContainsFunc(r.Report.Findings, func(now isolation.Finding) bool {
			return now.Table == before.Table && now.Operation == before.Operation && now.Kind != before.Kind
		})
	})
	r.Changes = isolation.Diff(&isolation.Report{Findings: earlier}, r.Report)
	settled := map[string]bool{}
	for _, finding := range slices.Concat(r.Changes.Fixed, r.Report.Findings) {
		settled[finding.Key()] = true
	}
	for _, finding := range earlier {
		if !settled[finding.Key()] {
			r.Unseen = append(r.Unseen, finding)
		}
	}
}

// standing are the findings that hold as far as is known.
func (r *Record) standing() []isolation.Finding {
	standing := []isolation.Finding{}
	if r.Report != nil {
		standing = append(standing, r.Report.Findings...)
	}
	return append(standing, r.Unseen...)
}
