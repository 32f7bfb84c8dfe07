package session

import "github.com/atlilith/onboardbot/onboarding/isolation/taint"

// nth chooses for each part the literal with a number, or its last.
func nth(i int) func(*taint.Slot) (string, bool) {
	return func(slot *taint.Slot) (string, bool) {
		if n := len(slot.Literals); n > 0 {
			return slot.Literals[min(i, n-1)], true
		}
		return "true", i == 0
	}
}

// where chooses for the parts of which a condition holds.
func where(choose func(*taint.Slot) (string, bool), holds func(*taint.Slot) bool) func(*taint.Slot) (string, bool) {
	return func(slot *taint.Slot) (string, bool) {
		if !holds(slot) {
			return "", false
		}
		return choose(slot)
	}
}

// valued reports whether something is decided by what a part is.
func valued(slot *taint.Slot) bool { return !slot.Presence }

// maxParts bounds how many parts are left out, and tried alone.
const maxParts = 32

// parts are the parts of settings that have several.
func (c *ChosenSettings) parts() []*taint.Slot {
	var parts []*taint.Slot
	for _, s := range c.settings {
		if slots := s.Slots(); len(slots) > 1 {
			parts = append(parts, slots...)
		}
	}
	return parts[:min(len(parts), maxParts)]
}

// combinations is how many combinations of literals there are to try.
func (c *ChosenSettings) combinations() int {
	most := 0
	for _, s := range c.settings {
		for _, slot := range s.Slots() {
			most = max(most, len(slot.Literals))
		}
	}
	return min(most, maxTogether)
}

// fill fills settings in, and leaves out those that nothing goes into. Where a setting has several
// values, there are as many results.
func fill(settings []*taint.Setting, choose func(*taint.Slot) (string, bool)) [][]Setting {
	var all [][]Setting
	values := make([][]string, len(settings))
	for i, s := range settings {
		values[i] = s.Fill(choose)
		for len(all) < len(values[i]) {
			all = append(all, nil)
		}
	}
	for n := range all {
		for i, s := range settings {
			if v := values[i]; len(v) > 0 {
				all[n] = append(all[n], Setting{Name: s.Name, Value: v[min(n, len(v)-1)]})
			}
		}
	}
	return all
}
