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
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/trial"
)

// Report returns the report of what was found.
func (s *Setup) Report(started time.Time) *results.Report {
	s.coverRelations()
	s.results.Cover(func(c *results.Coverage) {
		c.Started, c.Seconds = started.UTC(), time.Since(started).Seconds()
		c.Postgres = s.model.Catalog.Server()
	})
	return s.results.Report()
}

// noteUnsent makes notes of findings about what no API sends.
func (s *Setup) noteUnsent() {
	s.results.Replace(slices.DeleteFunc(s.results.Findings(), func(f results.Finding) bool {
		unsent := slices.Contains(s.config.Unsent, f.Operation)
		if unsent {
			s.results.Note("%s of %s: the app role may do it, but isolation.unsent says that nothing sends it",
				f.Operation, f.Table)
		}
		return unsent
	}))
}

// defineRisks says of each risk how its object is defined, so it can be accepted as it is.
func (s *Setup) defineRisks() {
	findings := s.results.Findings()
	for i, f := range findings {
		if f.Kind == results.Risk {
			findings[i].Definition = s.model.Catalog.Fingerprint(strings.TrimPrefix(f.Table, "function "), f.Key(),
				f.Evidence, f.Fix)
		}
	}
	s.results.Replace(findings)
}

// TryFixes tries the fix of every finding in transactions of the schema's owner. The error is the
// context's, or that tenants' sessions could not be listed.
func (s *Setup) TryFixes(ctx context.Context, owner *pgx.ConnConfig) error {
	findings := s.results.Findings()
	if len(findings) == 0 {
		return nil
	}
	config := trial.Config{
		Owner: owner, Truth: s.truth, AppRole: cmp.Or(s.config.Settings.Opening.LoginRole, s.config.AppRole),
		Settings: s.config.Settings, Budget: s.config.Budget,
		Model: s.model, Tables: s.scope.tables,
	}
	for _, v := range s.victims.List() {
		sessions, err := s.victims.OwnSessions(ctx, v)
		if err != nil {
			return err
		}
		config.Own = append(config.Own, sessions...)
	}
	if err := trial.Run(ctx, config, findings); err != nil {
		return err
	}
	s.results.Replace(findings)
	return nil
}

// coverRelations records what was tried on every relation.
func (s *Setup) coverRelations() {
	for _, t := range s.model.Catalog.Relations {
		o := s.model.Of(t)
		covered := results.Covered{Table: t.String(), Class: string(o.Class), Why: o.Why}
		if o.Owned() {
			if t.Reachable() || t.Elsewhere {
				covered.Empty = !s.scope.hasRows[t] && !t.IsView() && t.Kind != catalog.ForeignTable
			} else {
				covered.Reason = "the app role has no rights to it"
			}
		}
		s.results.CoverRelation(covered)
	}
}

// foldPartitions makes one finding of what is the same on many partitions of a table.
func (s *Setup) foldPartitions() {
	type group struct {
		kind      results.Kind
		operation results.Operation
		parent    uint32
	}
	cat, findings := s.model.Catalog, s.results.Findings()
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
		f.Fix = s.fixes.RevokePartitions(parent)
	}
	s.results.Replace(folded)
}
