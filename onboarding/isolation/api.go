package isolation

import (
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// What a check returns.
type (
	Report    = results.Report
	Finding   = results.Finding
	Kind      = results.Kind
	Operation = results.Operation
	Verdict   = results.Verdict
	Coverage  = results.Coverage
	Covered   = results.Covered
	Changes   = results.Changes
	// Interference is what a deep check cost.
	Interference = results.Interference
	Trial        = results.Trial
	// Accepted is a risk that an Acceptance sets apart.
	Accepted   = results.Accepted
	Acceptance = results.Acceptance
)

// The kinds of findings and the verdicts.
const (
	Leak = results.Leak
	Risk = results.Risk

	Sound      = results.Sound
	Incomplete = results.Incomplete
	Leaking    = results.Leaking
)

// How the trial of a fix ended.
const (
	FixCloses   = results.Closes
	FixTogether = results.Together
	FixApplies  = results.Applies
	FixCosts    = results.Costs
	FixFails    = results.Fails
	FixUntried  = results.Untried
)

// The parts of a [Config].
type (
	Settings   = session.Settings
	Sessions   = session.Opening
	Budget     = session.Budget
	Tenants    = tenancy.TenantsConfig
	Membership = tenancy.MembershipConfig
	Table      = tenancy.TableConfig
)
