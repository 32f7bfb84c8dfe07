package results

import "slices"

// Changes is what became of the findings since the previous report.
type Changes struct {
	New       []Finding `json:"new"`
	Fixed     []Finding `json:"fixed"`
	Unchanged []Finding `json:"unchanged"`
}

// Diff compares two reports by their findings' keys. Without a previous report everything is
// new. When the current report is incomplete, a finding that it lacks does not count as fixed,
// since it may not have been checked again. Neither does one that only a deep check finds, when the
// current one is not deep.
func Diff(previous, current *Report) Changes {
	var c Changes
	before := map[string]bool{}
	if previous != nil {
		for _, f := range previous.Findings {
			before[f.Key()] = true
		}
	}
	now := map[string]bool{}
	for _, f := range current.Findings {
		now[f.Key()] = true
		if before[f.Key()] {
			c.Unchanged = append(c.Unchanged, f)
		} else {
			c.New = append(c.New, f)
		}
	}
	if previous != nil && len(current.Coverage.LeftOut) == 0 {
		for _, f := range previous.Findings {
			looked := !f.Deep || current.Coverage.Interference != nil
			if !now[f.Key()] && looked && !current.accepts(f.Key()) {
				c.Fixed = append(c.Fixed, f)
			}
		}
	}
	return c
}

// Since returns what a report says that a baseline does not: the new findings, what could not be
// checked only now, and the verdict that follows from these. A second hole for the same operation
// on the same table counts as known.
func (r *Report) Since(baseline *Report) *Report {
	fresh := *r
	fresh.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return baseline.Has(f.Key()) })
	fresh.Coverage.LeftOut = missing(r.Coverage.LeftOut, baseline.Coverage.LeftOut)
	fresh.Coverage.Unclassified = missing(r.Coverage.Unclassified, baseline.Coverage.Unclassified)
	fresh.Verdict = fresh.judge()
	return &fresh
}

// missing returns the lines that others lack.
func missing(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}
