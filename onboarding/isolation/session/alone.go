package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/internal/claims"
)

// OrgsAlone returns the settings of a platform whose tenants are Orgs alone: what carries the Org
// carries the tenant whose a session is. mentions reports whether anything in the database reads
// one of the settings. leftOut is what the check then cannot try, or "".
func (s Settings) OrgsAlone(mentions func(...string) bool) (alone Settings, leftOut string, err error) {
	persons, orgs := s.carrying(claims.User, s.User), s.carrying(claims.Org, s.Org)
	persons = slices.DeleteFunc(persons, func(name string) bool {
		return slices.Contains(orgs, name) || !mentions(name)
	})
	if len(persons) > 0 && !mentions(orgs...) {
		what := "settings.org: " + persons[0] + " instead of settings.user"
		if _, ok := s.Templates[persons[0]]; ok {
			what = claims.Org + " instead of " + claims.User + " in settings.templates"
		}
		return s, "", errors.New("no table of users found: name it in users.table or, where the Orgs are all the " +
			"tenants there are, write " + what)
	}
	if len(persons) > 0 {
		leftOut = fmt.Sprintf("what policies, views and functions decide by %s: it holds a Person, and no table of "+
			"users was found: name it in users.table", strings.Join(persons, ", "))
	}
	s.Unset = persons
	s.User, s.Org, s.Opening.OrgsAlone = s.Org, "", true
	templates := map[string]string{}
	for name, template := range s.Templates {
		if slices.Contains(orgs, name) {
			templates[name] = strings.NewReplacer(claims.User, claims.Org, claims.Org, claims.User).Replace(template)
		}
	}
	s.Templates = templates
	return s, leftOut, nil
}

// carrying returns the names of the settings that carry one part of the identity: those whose
// templates have its place, then its own.
func (s Settings) carrying(place, own string) []string {
	var names []string
	for name, template := range s.Templates {
		if strings.Contains(template, place) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if own != "" {
		names = append(names, own)
	}
	return names
}
