package results

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Acceptance says that somebody takes a risk on, for a time and as long as its object stays as it
// is. A leak cannot be accepted.
type Acceptance struct {
	// Object is "schema.name" of the table or function, or what else the risk names.
	Object string `yaml:"object" json:"object"`
	// Operation is the risk's. Empty: every risk of the object.
	Operation Operation `yaml:"operation" json:"operation,omitempty"`
	// Definition is what [Finding.Definition] was when the risk was accepted.
	Definition string `yaml:"definition" json:"definition"`
	Reason     string `yaml:"reason" json:"reason"`
	// Who takes the risk on, and Until is the last day on which they do, in UTC, such as 2027-01-31.
	Who   string `yaml:"who" json:"who"`
	Until string `yaml:"until" json:"until"`
	// Request identifies an acceptance that operators gave while the product runs. It is empty for one
	// of the configuration.
	Request string `yaml:"-" json:"request,omitempty"`
}

// Problems returns what is wrong with the acceptance, each with its key.
func (a Acceptance) Problems() map[string]string {
	problems := map[string]string{}
	for _, required := range []struct{ key, value, why string }{
		{"object", a.Object, "missing"}, {"reason", a.Reason, "missing"}, {"who", a.Who, "missing"},
		{"definition", a.Definition, "missing: the report names it beside the risk"},
	} {
		if strings.TrimSpace(required.value) == "" {
			problems[required.key] = required.why
		}
	}
	if _, err := time.Parse(time.DateOnly, a.Until); err != nil {
		problems["until"] = "is not a day such as 2027-01-31"
	}
	return problems
}

// about reports whether the acceptance is about a finding, whatever its state.
func (a Acceptance) about(f Finding) bool {
	return f.Kind == Risk && f.Table == a.Object && (a.Operation == "" || a.Operation == f.Operation)
}

// lapsed says why the acceptance of a finding no longer holds, or is empty.
func (a Acceptance) lapsed(f Finding, now time.Time) string {
	until, err := time.Parse(time.DateOnly, a.Until)
	switch {
	case err != nil || !now.Before(until.AddDate(0, 0, 1)):
		return "until " + a.Until
	case f.Definition != a.Definition:
		return "for another definition (" + a.Definition + ")"
	}
	return ""
}

// Accepted is a risk that somebody accepted.
type Accepted struct {
	Finding
	Acceptance Acceptance `json:"acceptance"`
}

// String says who accepted what, why, and until when.
func (a Accepted) String() string {
	return fmt.Sprintf("%s of %s: %s (%s, until %s)", a.Operation, a.Table, a.Acceptance.Reason, a.Acceptance.Who,
		a.Acceptance.Until)
}

// Accept sets the accepted risks apart, and the verdict that follows. A note says which acceptances
// no longer hold.
func (r *Report) Accept(list []Acceptance, now time.Time) {
	r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool {
		for _, a := range list {
			if !a.about(f) {
				continue
			}
			why := a.lapsed(f, now)
			if why == "" {
				r.Accepted = append(r.Accepted, Accepted{f, a})
				return true
			}
			note := fmt.Sprintf("%s of %s: %s accepted it %s", f.Operation, f.Table, a.Who, why)
			if !slices.Contains(r.Coverage.Notes, note) {
				r.Coverage.Notes = append(r.Coverage.Notes, note)
			}
		}
		return false
	})
	r.Verdict = r.judge()
}

// accepts reports whether a finding with a key is accepted.
func (r *Report) accepts(key string) bool {
	return slices.ContainsFunc(r.Accepted, func(a Accepted) bool { return a.Key() == key })
}
