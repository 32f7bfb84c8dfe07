package dns

import (
	"fmt"
	"slices"
	"strings"
)

// Change replaces one record set. Before is the whole set as it was seen; no records means that it
// did not exist.
type Change struct {
	Question
	Before []Record `json:"before,omitempty"`
	After  []Record `json:"after,omitempty"`
}

// Removed are the records that the change takes away.
func (c Change) Removed() []Record { return without(c.Before, c.After) }

// Added are the records that the change brings.
func (c Change) Added() []Record { return without(c.After, c.Before) }

func without(records, others []Record) []Record {
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return slices.ContainsFunc(others, r.same) })
}

// Plan returns what is left to do until the records wanted exist and nothing conflicts with them:
// one change a record set, in a stable order, and none for a set that is right. It needs one
// server's word, that of the primary, as [Publisher] observes it: servers that lag behind are for
// [Compare]. Records that conflict with none stay as they are, and a record that joins others
// takes their TTL.
func Plan(wanted []Record, primary State) ([]Change, error) {
	if len(primary.Servers) != 1 {
		return nil, fmt.Errorf("plan for %s: the state is of %d servers, not of the primary alone", primary.Zone,
			len(primary.Servers))
	}
	server := primary.Servers[0]
	var changes []Change
	for _, question := range Questions(wanted) {
		answer, asked := server.answer(question)
		if !asked {
			return nil, fmt.Errorf("plan for %s: %s %s was not asked", primary.Zone, question.Name, question.Type)
		}
		if answer.Problem != "" {
			return nil, fmt.Errorf("plan for %s: the name server %s %s", primary.Zone, server.Name,
				answer.Problem.Sentence())
		}
		change := Change{Question: question, Before: answer.Records}
		for _, record := range answer.Records {
			if !obstructs(record, wanted) {
				change.After = append(change.After, record)
			}
		}
		for _, want := range wanted {
			if want.Name != question.Name || want.Type != question.Type ||
				slices.ContainsFunc(change.After, want.same) {
				continue
			}
			if len(change.After) > 0 {
				want.TTL = change.After[0].TTL
			}
			change.After = append(change.After, want)
		}
		slices.SortFunc(change.After, compareRecords)
		if len(change.Removed()) > 0 || len(change.Added()) > 0 {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// String is the change as lines of a diff.
func (c Change) String() string {
	var out strings.Builder
	for _, record := range c.Removed() {
		fmt.Fprintf(&out, "- %s\n", record)
	}
	for _, record := range c.Added() {
		fmt.Fprintf(&out, "+ %s\n", record)
	}
	return out.String()
}
