package checks

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/checks/functions"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/interference"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/reading"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/rights"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/sideeffects"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/views"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/writing"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// registry lists the checks in the order in which they run. Later ones rely on the findings of
// earlier ones: what has been proven is not proven again.
var registry = []struct {
	name string // as the coverage of a report names a check that ended early
	make func(*setup.Setup) setup.Check
}{
	{"roles", rights.NewRoles},
	{"owned objects", rights.NewOwners},
	{"own rows", reading.NewControl},
	{"sample", reading.NewSample},
	{Reads, reading.NewReads},
	{"shared connections", reading.NewPlans},
	{"writes", writing.NewWrites},
	{"own changes", writing.NewOwnWrites},
	{"cascades", sideeffects.NewCascades},
	{"triggers", sideeffects.NewTriggers},
	{"broadcasts", sideeffects.NewBroadcasts},
	{"views", views.New},
	{"copies", reading.NewCopies},
	{"functions", functions.New},
	{"leakproof functions", functions.NewLeakproof},
	{"temporary objects", functions.NewShadows},
	{"trust", rights.NewTrust},
	{"large objects", reading.NewLargeObjects},
	{"protection", rights.NewProtection},
	{"function definitions", functions.NewDefinitions},
	{"interference", interference.New},
}

// Reads is the name of the check that reads every table as every tenant.
const Reads = "reads"

// Run runs the checks with the given names, or all of them, in order. A check that ends early is
// recorded in the coverage, unless the database is away. The error is the context's, or says that
// it is.
func Run(ctx context.Context, s *setup.Setup, names ...string) error {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, entry := range registry {
		if len(names) > 0 && !wanted[entry.name] {
			continue
		}
		err := entry.make(s).Run(ctx)
		s.RollBack(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("check cancelled: %w", context.Cause(ctx))
			}
			if s.Truth.Ping(ctx) != nil {
				return fmt.Errorf("%s: %w", entry.name, err)
			}
			s.Results.LeaveOut("%s: %s", entry.name, query.Describe(err))
		}
	}
	noteUnsent(s)
	foldPartitions(s)
	defineRisks(s)
	return nil
}
