package results

// Changes is what became of the findings since the previous report.
type Changes struct {
	New, Fixed, Unchanged []Finding
}

// Diff compares two reports by their findings' keys. Without a previous report everything is
// new. When the current report is incomplete, a finding that it lacks does not count as fixed,
// since it may not have been checked again.
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
			if !now[f.Key()] {
				c.Fixed = append(c.Fixed, f)
			}
		}
	}
	return c
}
