package checks

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// check looks for one kind of hole. An error ends this check and no other.
type check interface {
	run(ctx context.Context) error
}

// registry lists the checks in the order in which they run. Later ones rely on the findings of
// earlier ones: what has been proven is not proven again.
var registry = []struct {
	name string // as the coverage of a report names a check that ended early
	make func(*Setup) check
}{
	{"roles", func(s *Setup) check { return newRoles(s) }},
	{"owned objects", func(s *Setup) check { return newOwners(s) }},
	{"own rows", func(s *Setup) check { return newControl(s) }},
	{"sample", func(s *Setup) check { return newSample(s) }},
	{Reads, func(s *Setup) check { return newReads(s) }},
	{"shared connections", func(s *Setup) check { return newPlans(s) }},
	{"writes", func(s *Setup) check { return newWrites(s) }},
	{"own changes", func(s *Setup) check { return newOwnWrites(s) }},
	{"cascades", func(s *Setup) check { return newCascades(s) }},
	{"triggers", func(s *Setup) check { return newTriggers(s) }},
	{"views", func(s *Setup) check { return newViews(s) }},
	{"copies", func(s *Setup) check { return newCopies(s) }},
	{"functions", func(s *Setup) check { return newFunctions(s) }},
	{"leakproof functions", func(s *Setup) check { return newLeakproof(s) }},
	{"temporary objects", func(s *Setup) check { return newShadows(s) }},
	{"trust", func(s *Setup) check { return newTrust(s) }},
	{"large objects", func(s *Setup) check { return newLargeObjects(s) }},
	{"protection", func(s *Setup) check { return newProtection(s) }},
	{"function definitions", func(s *Setup) check { return newFunctionRisks(s) }},
	{"interference", func(s *Setup) check { return nonInterference{s} }},
}

// Reads is the name of the check that reads every table as every tenant.
const Reads = "reads"

// Run runs the checks with the given names, or all of them, in order. A check that ends early is
// recorded in the coverage. The error is the context's.
func (s *Setup) Run(ctx context.Context, names ...string) error {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, entry := range registry {
		if len(names) > 0 && !wanted[entry.name] {
			continue
		}
		if err := entry.make(s).run(ctx); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("check cancelled: %w", context.Cause(ctx))
			}
			s.results.LeaveOut("%s: %s", entry.name, query.Describe(err))
		}
	}
	s.noteUnsent()
	s.foldPartitions()
	s.defineRisks()
	return nil
}
