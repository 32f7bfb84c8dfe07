package escalation

import (
	"context"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// Attack is statements that a session is allowed, after which it reads tables.
type Attack struct {
	Session session.Session
	SQL     string
	Tables  []*catalog.Relation
	Fix     string
	// How ends the sentence of the evidence. Empty: it names the first statement.
	How string
	// Functions are those that let it happen.
	Functions []string
}

// report adds a leak that the attack led to.
func (x Attack) report(to *results.Collector, t *catalog.Relation, operation results.Operation, evidence string) {
	to.Add(results.Finding{
		Kind: results.Leak, Operation: operation, Table: t.String(), As: x.Session.Label, Evidence: evidence + x.How,
		Fix: x.Fix, Functions: x.Functions,
	})
}

// Escalator carries out attacks.
type Escalator struct {
	model    *tenancy.Model
	scope    *setup.Scope
	rows     *victims.Rows
	attempts *session.Attempts
	prover   *proof.Prover
	results  *results.Collector
}

// New returns an escalator.
func New(s *setup.Setup) *Escalator {
	return &Escalator{s.Model, s.Scope, s.Rows, s.Attempts, s.Prover, s.Results}
}

// Try reports a leak for each table of which the session saw another's row. Where functions let it
// happen, policies for writes may call them too, so it also writes to rows of the same owner.
func (e *Escalator) Try(ctx context.Context, x Attack) error {
	tables := slices.DeleteFunc(slices.Clone(x.Tables), func(t *catalog.Relation) bool {
		return t.Kind == catalog.MaterializedView || e.model.IsDirectory(t) ||
			e.results.Leaks(t.String(), results.Read)
	})
	if x.How == "" {
		x.How = " after " + firstStatement(x.SQL)
	}
	exposed, err := e.prover.ReadAfter(ctx, x.Session, x.SQL, tables)
	for _, found := range exposed {
		x.report(e.results, found.Table, results.Read, "read "+found.Proof.String())
	}
	if err != nil || len(x.Functions) == 0 {
		return err
	}
	for _, found := range exposed {
		if err := e.writeAfter(ctx, x, found); err != nil {
			return err
		}
	}
	return nil
}

func firstStatement(sql string) string {
	first, _, more := strings.Cut(sql, ";")
	if more {
		first += "; …"
	}
	return first
}
