package checks

import (
	"context"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// escalation is an attack that runs statements which a session is allowed, and then reads.
type escalation struct {
	session session.Session
	sql     string
	tables  []*catalog.Relation
	fix     string
	// how ends the sentence of the evidence. Empty: it names the first statement.
	how string
	// functions are those that let it happen.
	functions []string
}

// escalator carries out escalations.
type escalator struct {
	model   *tenancy.Model
	prover  *proof.Prover
	results *results.Collector
}

func newEscalator(s *Setup) *escalator { return &escalator{s.model, s.prover, s.results} }

// try reports a leak for each table of which the session saw another's row.
func (e *escalator) try(ctx context.Context, x escalation) error {
	tables := slices.DeleteFunc(slices.Clone(x.tables), func(t *catalog.Relation) bool {
		return t.IsView() || e.model.IsDirectory(t) || e.results.Leaks(t.String(), results.Read)
	})
	if x.how == "" {
		x.how = " after " + firstStatement(x.sql)
	}
	exposed, err := e.prover.ReadAfter(ctx, x.session, x.sql, tables)
	for _, found := range exposed {
		e.results.Add(results.Finding{
			Kind: results.Leak, Operation: results.Read, Table: found.Table.String(), As: x.session.Label,
			Evidence: "read " + found.Proof.String() + x.how, Fix: x.fix, Functions: x.functions,
		})
	}
	return err
}

func firstStatement(sql string) string {
	first, _, more := strings.Cut(sql, ";")
	if more {
		first += "; …"
	}
	return first
}
