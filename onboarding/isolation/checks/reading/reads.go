package reading

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/pipeline"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// reads reads every table as every tenant.
type reads struct {
	pipeline pipeline.Config
	model    *tenancy.Model
	scope    *setup.Scope
	prover   *proof.Prover
	leaks    *readLeaks
	results  *results.Collector
}

// NewReads returns the check that reads as every tenant.
func NewReads(s *setup.Setup) setup.Check {
	return &reads{
		pipeline: pipeline.Config{
			Model: s.Model, Dialer: s.Dialer, Settings: s.Config.Settings, Limiter: s.Limiter,
			Lister:      &session.Lister{Model: s.Model, Truth: s.Truth, Only: s.Only, Settings: s.Config.Settings},
			Connections: s.Config.Budget.Connections, Results: s.Results,
		},
		model: s.Model, scope: s.Scope, prover: s.Prover, leaks: newReadLeaks(s), results: s.Results,
	}
}

func (c *reads) Run(ctx context.Context) error {
	outcome, err := pipeline.Read(ctx, c.pipeline, c.tables())
	checks := outcome.Checks
	c.results.Cover(func(cov *results.Coverage) { cov.Persons, cov.Orgs = outcome.Seen.Persons, outcome.Seen.Orgs })
	if err != nil {
		return err
	}
	if outcome.Seen.Persons == 0 {
		c.results.LeaveOut("no tenants: there is nobody to read as, and nothing to read")
	}
	if n := outcome.Seen.Closed; n > 0 {
		c.results.Note("the platform opens no session for %s, by sessions.user_query and sessions.role_query",
			results.Plural(n, "Person"))
	}
	if outcome.Seen.Closed == outcome.Seen.Persons && outcome.Seen.Persons > 0 {
		c.results.LeaveOut("nobody was read as: sessions.user_query or sessions.role_query returns nothing for any " +
			"Person")
	}
	for _, t := range outcome.Tables {
		c.describe(t)
		if err := c.confirmSuspects(ctx, t); err != nil {
			return err
		}
	}
	compared, err := c.compareRows(ctx, outcome.Tables)
	if err != nil {
		return err
	}
	c.results.Cover(func(cov *results.Coverage) { cov.Reads += checks + compared })
	return nil
}

// tables are those that an identity changes: a sample has read those without row-level security
// already.
func (c *reads) tables() []*catalog.Relation {
	return slices.DeleteFunc(slices.Clone(c.scope.Tables), func(t *catalog.Relation) bool {
		return !t.Readable() || c.model.IsDirectory(t) || c.scope.GivenUp(t) || !t.RLS && !t.IsView()
	})
}

// describe records which sessions could not read a table.
func (c *reads) describe(t *pipeline.Table) {
	name := t.Relation.String()
	c.results.Tried(name, results.Read)
	failures := t.Failures
	if t.Refusals > 0 {
		if t.Answered[session.Member] && !t.Answered[session.Person] {
			c.results.Note("%s: its policies answer only sessions that act in an Org, and others with an error: %s",
				name, t.Reason)
		} else {
			failures += t.Refusals
		}
	}
	if failures == 0 {
		return
	}
	gaveUp := ""
	if t.GivenUp {
		gaveUp = ", and was given up"
	}
	c.results.LeaveOut("%s: could not be read by %d sessions%s: %s", name, failures, gaveUp, t.Reason)
}

// confirmSuspects asks the truth about the sessions that saw rows of a table which seem
// another's.
func (c *reads) confirmSuspects(ctx context.Context, t *pipeline.Table) error {
	for _, s := range t.Suspects {
		if c.results.Leaks(t.Relation.String(), results.Read) {
			break
		}
		foreign := c.model.Foreign(t.Relation, "a", c.model.IdentitySQL(s.Identity), tenancy.Attacker)
		found, err := c.prover.Confirm(ctx, s, t.Relation, foreign)
		switch {
		case query.Lost(err) != nil:
			return err
		case err != nil:
			c.results.LeaveOut("%s: a suspected leak could not be confirmed: %s", t.Relation, query.Describe(err))
			return nil
		case found != nil:
			c.leaks.report(ctx, readLeak{session: s, table: t.Relation, proof: found, more: c.others(t)})
		}
	}
	return nil
}

// others says how many sessions of each kind saw foreign rows, where their own columns prove it.
func (c *reads) others(t *pipeline.Table) string {
	if !c.model.Certain(t.Relation) {
		return ""
	}
	counts := map[string]int{}
	for kind, n := range t.Suspected {
		counts[kind.Plural()] += n
	}
	var parts []string
	for kind, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return " (" + strings.Join(parts, ", ") + ")"
}

// compareRows compares row by row what every tenant sees of tables whose owners the app role may
// not read. It returns the number of comparisons.
func (c *reads) compareRows(ctx context.Context, tables []*pipeline.Table) (int, error) {
	tables = slices.DeleteFunc(slices.Clone(tables), func(t *pipeline.Table) bool { return !t.CompareRows })
	if len(tables) == 0 {
		return 0, nil
	}
	compared, failures := 0, map[*pipeline.Table]int{}
	_, err := c.pipeline.Lister.All(ctx, func(page []session.Session) error {
		for _, s := range page {
			for _, t := range tables {
				if failures[t] >= pipeline.MaxTimeouts || c.results.Leaks(t.Relation.String(), results.Read) {
					continue
				}
				if err := c.pipeline.Limiter.Wait(ctx, 1); err != nil {
					return err
				}
				failed, err := c.compare(ctx, s, t.Relation)
				if err != nil {
					return err
				}
				if failed {
					failures[t]++
				}
				compared++
			}
		}
		return nil
	})
	return compared, err
}

// compare compares what a session sees of a table with the truth. It reports whether that
// failed.
func (c *reads) compare(ctx context.Context, s session.Session, t *catalog.Relation) (failed bool, err error) {
	found, err := c.prover.Confirm(ctx, s, t, "true")
	switch {
	case query.Lost(err) != nil:
		return true, err
	case query.Refusal(err) && s.Kind.Claims():
		return false, nil
	case err != nil:
		c.results.LeaveOut("%s: could not be compared with what the auditor reads: %s", t, query.Describe(err))
		return true, nil
	case found != nil:
		c.leaks.report(ctx, readLeak{session: s, table: t, proof: found})
	}
	return false, nil
}
