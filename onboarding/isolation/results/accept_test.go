package results

import (
	"testing"
	"time"
)

func TestAccept(t *testing.T) {
	now := time.Date(2026, 11, 23, 23, 59, 0, 0, time.UTC)
	risk := Finding{Kind: Risk, Operation: Execute, Table: "public.f", Definition: "d1"}
	leak := Finding{Kind: Leak, Operation: Read, Table: "public.f", Definition: "d1"}
	accept := Acceptance{Object: "public.f", Definition: "d1", Reason: "r", Who: "Ana", Until: "2026-11-23"}
	with := func(change func(*Acceptance)) Acceptance {
		changed := accept
		change(&changed)
		return changed
	}
	for name, c := range map[string]struct {
		finding  Finding
		accept   Acceptance
		accepted bool
		notes    int
	}{
		"last day":          {risk, accept, true, 0},
		"expired":           {risk, with(func(a *Acceptance) { a.Until = "2026-11-22" }), false, 1},
		"no day":            {risk, with(func(a *Acceptance) { a.Until = "" }), false, 1},
		"changed":           {risk, with(func(a *Acceptance) { a.Definition = "d2" }), false, 1},
		"another object":    {risk, with(func(a *Acceptance) { a.Object = "public.g" }), false, 0},
		"another operation": {risk, with(func(a *Acceptance) { a.Operation = Leakproof }), false, 0},
		"a leak":            {leak, accept, false, 0},
	} {
		report := &Report{Findings: []Finding{c.finding}}
		report.Accept([]Acceptance{c.accept}, now)
		accepted := len(report.Accepted) == 1 && len(report.Findings) == 0 && report.Verdict == Sound
		if accepted != c.accepted || len(report.Coverage.Notes) != c.notes {
			t.Errorf("%s: %+v", name, report)
		}
	}
}
