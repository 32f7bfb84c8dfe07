package writing

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// maxTransitions bounds the states that an update tries to bring a row into.
const maxTransitions = 8

// transitions render assignments that bring a row into another state, as policies may let a
// session change it only so: a draft becomes submitted, a key revoked, a request decided by the
// session's Person.
func (w *writer) transitions(t *catalog.Relation, row victims.Values, s session.Session) []string {
	words, persons, others, flags := map[string][]string{}, victims.Values{}, victims.Values{}, victims.Values{}
	states := 1
	for name, constants := range t.AskedAfter(catalog.ForUpdate) {
		c := t.Column(name)
		switch {
		case c == nil || !c.Update && !t.MayElsewhere(catalog.ForUpdate) || c.Generated || w.model.IsSecret(t, name),
			slices.Contains(w.model.Of(t).Columns(), name):
		case slices.Contains(w.model.Holding(t, tenancy.Person), name):
			if s.Identity.Person != nil {
				persons[name] = s.Identity.Person
			}
		case t.IsKey(name), t.InForeignKey(name) && !c.IsWord():
		case c.IsWord():
			words[name] = constants
			states = max(states, len(constants))
		case c.Category == catalog.Boolean:
			flags[name] = new(strconv.FormatBool(row[name] == nil || *row[name] != "true"))
		case !c.NotNull && row[name] != nil:
			others[name] = nil
		case !c.NotNull:
			set := *c
			set.NotNull = true
			others[name] = imagine.Value(&set)
		}
	}
	var found []string
	with := victims.Values{}
	for _, more := range []victims.Values{{}, persons, others, flags} {
		maps.Copy(with, more)
		for i := range states {
			values := maps.Clone(with)
			for name, constants := range words {
				if len(constants) > 0 {
					values[name] = &constants[i%len(constants)]
				}
			}
			var sets []string
			for _, name := range slices.Sorted(maps.Keys(values)) {
				sets = append(sets, t.Column(name).Assign(values[name]))
			}
			if joined := strings.Join(sets, ", "); joined != "" && !slices.Contains(found, joined) {
				found = append(found, joined)
			}
		}
	}
	return found[:min(maxTransitions, len(found))]
}
