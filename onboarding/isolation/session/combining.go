package session

import "github.com/atlilith/onboardbot/onboarding/isolation/taint"

// nth chooses for each part the literal with a number, or its last.
func nth(i int) taint.Choice {
	return func(slot *taint.Slot) (string, bool) {
		if n := len(slot.Literals); n > 0 {
			return slot.Literals[min(i, n-1)], true
		}
		return "true", i == 0
	}
}

// only leaves out the parts for which a condition does not hold.
func only(choose taint.Choice, holds func(*taint.Slot) bool) taint.Choice {
	return func(slot *taint.Slot) (string, bool) {
		if !holds(slot) {
			return "", false
		}
		return choose(slot)
	}
}

// byValue reports whether something is decided by what a part is.
func byValue(slot *taint.Slot) bool { return !slot.Presence }

// maxParts bounds how many parts are each tried alone, and each left out.
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

// fill returns combinations of values of the settings, without those that have none. There are as
// many as the setting with most values has; one with fewer repeats its last.
func fill(settings []*taint.Setting, choose taint.Choice) [][]Setting {
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
