package checks

import (
	"context"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
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

// report adds a leak that the escalation led to.
func (x escalation) report(to *results.Collector, t *catalog.Relation, operation results.Operation, evidence string) {
	to.Add(results.Finding{
		Kind: results.Leak, Operation: operation, Table: t.String(), As: x.session.Label, Evidence: evidence + x.how,
		Fix: x.fix, Functions: x.functions,
	})
}

// escalator carries out escalations.
type escalator struct{ writer *writer }

func newEscalator(s *Setup) *escalator { return newWriter(s).escalator }

// try reports a leak for each table of which the session saw another's row. Where functions let it
// happen, policies for writes may call them too, so it writes to those rows.
func (e *escalator) try(ctx context.Context, x escalation) error {
	w := e.writer
	tables := slices.DeleteFunc(slices.Clone(x.tables), func(t *catalog.Relation) bool {
		return t.IsView() || w.model.IsDirectory(t) || w.results.Leaks(t.String(), results.Read)
	})
	if x.how == "" {
		x.how = " after " + firstStatement(x.sql)
	}
	exposed, err := w.prover.ReadAfter(ctx, x.session, x.sql, tables)
	for _, found := range exposed {
		x.report(w.results, found.Table, results.Read, "read "+found.Proof.String())
	}
	if err != nil || len(x.functions) == 0 {
		return err
	}
	for _, found := range exposed {
		if err := e.write(ctx, x, found); err != nil {
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
