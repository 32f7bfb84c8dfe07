package isolation

import (
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// What a check returns. The types live in package results, so that checks can make them without a cycle.
type (
	Report   = results.Report
	Finding  = results.Finding
	Kind     = results.Kind
	Verdict  = results.Verdict
	Coverage = results.Coverage
	Covered  = results.Covered
	Changes  = results.Changes
)

// The parts of a [Config].
type (
	Settings   = session.Settings
	Tenants    = tenancy.TenantTable
	Membership = tenancy.Membership
	Table      = tenancy.Table
	Budget     = session.Budget
)

// The kinds of findings and the verdicts.
const (
	Leak = results.Leak
	Risk = results.Risk

	Sound      = results.Sound
	Risky      = results.Risky
	Incomplete = results.Incomplete
	Leaking    = results.Leaking
)

// Diff compares two reports by their findings' keys.
var Diff = results.Diff

// WriteText writes a report for people.
var WriteText = results.WriteText
