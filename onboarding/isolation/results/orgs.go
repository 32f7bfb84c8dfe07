package results

import "regexp"

var (
	// person matches a Person, or several, in a sentence, and no quoted or qualified name.
	person = regexp.MustCompile(`(^|[\s(])Person(s?)\b`)
	// owner matches a Person where the SQL of a proof compares whose rows are.
	owner = regexp.MustCompile(`(= '|'|[{,]")Person ('\s*\|\||[^\s'"]+['"])`)
)

// nameOrgs calls every tenant of a report an Org.
func (r *Report) nameOrgs() {
	name := func(texts ...*string) {
		for _, text := range texts {
			*text = person.ReplaceAllString(*text, "${1}Org${2}")
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		name(&f.As, &f.Evidence)
		f.Proof = owner.ReplaceAllString(f.Proof, "${1}Org ${2}")
	}
	c := &r.Coverage
	c.Persons, c.Orgs = 0, c.Persons
	for _, lines := range []*[]string{&c.LeftOut, &c.Unclassified, &c.Notes} {
		named := make([]string, len(*lines))
		for i, line := range *lines {
			name(&line)
			named[i] = line
		}
		*lines = named
	}
	detail := make([]Covered, len(c.Detail))
	for i, d := range c.Detail {
		if name(&d.Why); d.Class == "users" {
			d.Class = "orgs"
		}
		detail[i] = d
	}
	c.Detail = detail
}
