package checks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/trial"
)

// Report returns the report of what was found.
func Report(s *setup.Setup, started time.Time) *results.Report {
	coverRelations(s)
	s.Results.Cover(func(c *results.Coverage) {
		c.Started, c.Seconds = started.UTC(), time.Since(started).Seconds()
		c.Postgres = s.Model.Catalog.Server()
	})
	return s.Results.Report()
}

// noteUnsent makes notes of findings about what no API sends.
func noteUnsent(s *setup.Setup) {
	s.Results.Replace(slices.DeleteFunc(s.Results.Findings(), func(f results.Finding) bool {
		unsent := slices.Contains(s.Config.Unsent, f.Operation)
		if unsent {
			s.Results.Note("%s of %s: the app role may do it, but isolation.unsent says that nothing sends it",
				f.Operation, f.Table)
		}
		return unsent
	}))
}

// defineRisks says of each risk how its object is defined, so it can be accepted as it is.
func defineRisks(s *setup.Setup) {
	findings := s.Results.Findings()
	for i, f := range findings {
		if f.Kind == results.Risk {
			findings[i].Definition = s.Model.Catalog.Fingerprint(strings.TrimPrefix(f.Table, "function "), f.Key(),
				f.Evidence, f.Fix)
		}
	}
	s.Results.Replace(findings)
}

// TryFixes tries the fix of every finding in transactions of the schema's owner. The error is the
// context's, or that tenants' sessions could not be listed.
func TryFixes(ctx context.Context, s *setup.Setup, owner *pgx.ConnConfig) error {
	findings := s.Results.Findings()
	if len(findings) == 0 {
		return nil
	}
	config := trial.Config{
		Owner: owner, Truth: s.Truth, AppRole: cmp.Or(s.Config.Settings.Opening.LoginRole, s.Config.AppRole),
		Settings: s.Config.Settings, Budget: s.Config.Budget,
		Model: s.Model, Tables: s.Scope.Tables,
	}
	for _, v := range s.Victims.List() {
		sessions, err := s.Victims.OwnSessions(ctx, v)
		if err != nil {
			return err
		}
		config.Own = append(config.Own, sessions...)
	}
	if err := trial.Run(ctx, config, findings); err != nil {
		return err
	}
	s.Results.Replace(findings)
	return nil
}

// coverRelations records what was tried on every relation.
func coverRelations(s *setup.Setup) {
	for _, t := range s.Model.Catalog.Relations {
		o := s.Model.Of(t)
		covered := results.Covered{Table: t.String(), Class: string(o.Class), Why: o.Why}
		if o.Owned() {
			if t.Reachable() || t.Elsewhere {
				covered.Empty = !s.Scope.HasRows[t] && !t.IsView() && t.Kind != catalog.ForeignTable &&
					!s.Scope.GivenUp(t)
			} else {
				covered.Reason = "the app role has no rights to it"
			}
		}
		s.Results.CoverRelation(covered)
	}
}

// foldPartitions makes one finding of what is the same on many partitions of a table.
func foldPartitions(s *setup.Setup) {
	type group struct {
		kind      results.Kind
		operation results.Operation
		parent    uint32
	}
	cat, findings := s.Model.Catalog, s.Results.Findings()
	slices.SortStableFunc(findings, func(a, b results.Finding) int { return cmp.Compare(a.Table, b.Table) })
	first, more := map[group]int{}, map[group]int{}
	var folded []results.Finding
	for _, f := range findings {
		t := cat.Named(f.Table)
		if t == nil || !t.Partition {
			folded = append(folded, f)
			continue
		}
		key := group{f.Kind, f.Operation, t.Parent}
		if _, seen := first[key]; seen {
			more[key]++
			continue
		}
		first[key] = len(folded)
		folded = append(folded, f)
	}
	for key, n := range more {
		f, parent := &folded[first[key]], cat.Relation(key.parent)
		f.Evidence += fmt.Sprintf(" (and likewise on %d more partitions of %s)", n, parent)
		f.Fix = s.Fixes.RevokePartitions(parent)
	}
	s.Results.Replace(folded)
}
