package taint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Slot is a part of a setting's value that something is decided by.
type Slot struct {
	origin Origin
	// Document says that the values are JSON of their own, as those of @> are.
	Document bool
	// Literals are what the part is compared with, in the order of the sources.
	Literals []string
	// Columns are names of columns that the part is compared with.
	Columns []string
	// Presence says that nothing is decided by what the part is, but only by whether it is there.
	Presence bool
}

// Part returns the part of a value of the setting: the value itself, or a text, number or boolean
// in a JSON object.
func (s *Slot) Part(value string) (part string, ok bool) {
	if len(s.origin.path) == 0 {
		return value, !s.Document
	}
	var document any
	if json.Unmarshal([]byte(value), &document) != nil {
		return "", false
	}
	for _, step := range s.origin.path {
		object, isObject := document.(map[string]any)
		if !isObject || step.kind != member {
			return "", false
		}
		document = object[step.text]
	}
	switch document.(type) {
	case nil, []any, map[string]any:
		return "", false
	}
	return fmt.Sprint(document), true
}

// Setting is what sources make of one setting.
type Setting struct {
	Name  string
	slots map[string]*Slot
	order []string
}

// Slots returns the parts that something is decided by.
func (s *Setting) Slots() []*Slot {
	slots := make([]*Slot, len(s.order))
	for i, key := range s.order {
		slots[i] = s.slots[key]
	}
	return slots
}

// maxFilled bounds how many values [Setting.Fill] returns.
const maxFilled = 4

// Choice says what a part of a setting is to be. Without ok, the part is left out.
type Choice func(*Slot) (text string, ok bool)

// Fill returns values of the setting in which each part is what choose says. Parts that do not go
// together, such as a member and an element of one document, are in different values, each with
// all that go with it.
func (s *Setting) Fill(choose Choice) []string {
	choices := map[*Slot]string{}
	var chosen []*Slot
	for _, slot := range s.Slots() {
		if choice, ok := choose(slot); ok {
			choices[slot] = choice
			chosen = append(chosen, slot)
		}
	}
	var values []string
	for left := chosen; len(left) > 0 && len(values) < maxFilled; {
		var parts []*Slot
		used := func(slot *Slot) bool { return slices.Contains(parts, slot) }
		value := ""
		for _, slot := range slices.Concat(left[:1], chosen) {
			if used(slot) {
				continue
			}
			more := slices.Concat(parts, []*Slot{slot})
			if filled, fits := fill(more, choices); fits {
				parts, value = more, filled
			}
		}
		if len(parts) > 0 {
			values = append(values, value)
		}
		left = slices.DeleteFunc(slices.Clone(left[1:]), used)
	}
	return values
}

// Within returns the setting as far as something is decided by some members of the JSON object
// that it holds.
func (s *Setting) Within(members []string) *Setting {
	found := &Setting{Name: s.Name, slots: map[string]*Slot{}}
	for _, key := range s.order {
		slot := *s.slots[key]
		path := slot.origin.path
		switch {
		case len(path) > 0 && path[0].kind == member && slices.Contains(members, path[0].text):
		case len(path) == 0 && slot.Document:
			slot.Literals = slices.DeleteFunc(slices.Clone(slot.Literals), func(l string) bool {
				return !hasOnly(l, members)
			})
			if len(slot.Literals) == 0 {
				continue
			}
		default:
			continue
		}
		found.slots[key], found.order = &slot, append(found.order, key)
	}
	return found
}

// hasOnly reports whether a text is a JSON object of some members and no others.
func hasOnly(text string, members []string) bool {
	var document map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &document) != nil || len(document) == 0 {
		return false
	}
	for key := range document {
		if !slices.Contains(members, key) {
			return false
		}
	}
	return true
}

// Decisions is what sources decide by settings.
type Decisions struct{ settings map[string]*Setting }

// Settings returns the settings that something is decided by, by name.
func (d *Decisions) Settings() []*Setting {
	var found []*Setting
	for _, name := range slices.Sorted(maps.Keys(d.settings)) {
		if len(d.settings[name].order) > 0 {
			found = append(found, d.settings[name])
		}
	}
	return found
}

// slot returns the slot of an origin, and notes that its value decides.
func (d *Decisions) slot(o Origin, document bool) *Slot {
	slot := d.at(o, document)
	slot.Presence = false
	return slot
}

// at returns the slot of an origin. A new one has Presence.
func (d *Decisions) at(o Origin, document bool) *Slot {
	s := d.settings[o.Setting]
	if s == nil {
		s = &Setting{Name: o.Setting, slots: map[string]*Slot{}}
		d.settings[o.Setting] = s
	}
	key := o.key()
	if document {
		key += " document"
	}
	if s.slots[key] == nil {
		s.slots[key] = &Slot{origin: o, Document: document, Presence: true}
		s.order = append(s.order, key)
	}
	return s.slots[key]
}

// maxLiterals bounds how many literals one part is compared with.
const maxLiterals = 40

func (s *Slot) add(literals ...string) {
	for _, l := range literals {
		if !slices.Contains(s.Literals, l) && len(s.Literals) < maxLiterals {
			s.Literals = append(s.Literals, l)
		}
	}
}
