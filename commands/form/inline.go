package form

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/commands/inputs"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
)

// With puts what was typed behind the command over the draft.
func (d Draft) With(line inputs.Line) Draft {
	values := line.Values
	for key, field := range map[inputs.Key]*string{
		inputs.Name: &d.Name, inputs.Email: &d.Email, inputs.OrgName: &d.OrgName, inputs.Copy: &d.Copy,
		inputs.Domains: &d.Domains, inputs.At: &d.At,
	} {
		*field = cmp.Or(values[key], *field)
	}
	d.Domains = strings.ReplaceAll(d.Domains, ",", "\n")
	d.Mode = cmp.Or(onboarding.Mode(values[inputs.Mode]), d.Mode)
	if org := values[inputs.Org]; org != "" {
		d.OrgSlug, d.Join, d.JoinName = org, "", ""
		if d.Mode == onboarding.ModeMember {
			d.OrgSlug, d.Join = "", org
		}
	}
	d = d.SuggestOrg().withMail(line).withHost(line)
	d.Palette = palette(d.Palette, values)
	return d
}

// BrandTyped reports whether a line says anything about the brand.
func BrandTyped(line inputs.Line) bool {
	return slices.ContainsFunc([]inputs.Key{inputs.Copy, inputs.Palette, inputs.Background, inputs.Text,
		inputs.Primary, inputs.Accent},
		func(key inputs.Key) bool { return line.Values[key] != "" })
}

func (d Draft) withMail(line inputs.Line) Draft {
	switch lines := d.perDomainLines(line, inputs.Mail); {
	case lines != "":
		d.Mail, d.Mails = PerDomain, lines
	case line.Values[inputs.Mail] != "":
		// What is not a plan is kept where it can be corrected.
		mail, problem := parseMail(line.Values[inputs.Mail])
		d.Mail, d.Forward = string(mail.Plan), mail.Forward
		if problem != "" {
			d.Mail, d.Mails = PerDomain, d.sameForAll(line.Values[inputs.Mail])
		}
	}
	return d
}

func (d Draft) withHost(line inputs.Line) Draft {
	if lines := d.perDomainLines(line, inputs.Host); lines != "" {
		d.Host, d.Hosts = PerDomain, lines
	} else {
		d.Host = cmp.Or(line.Values[inputs.Host], d.Host)
	}
	return d
}

// perDomainLines returns a line for each domain if a key was given for at least one of them. It
// returns nothing if the key counts for all domains.
func (d Draft) perDomainLines(line inputs.Line, key inputs.Key) string {
	var lines []string
	own := false
	for _, name := range d.names() {
		if value := line.For(key, name); value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	for _, given := range slices.Sorted(maps.Keys(line.Values)) {
		base, domain := given.Split()
		if base != key || domain == "" {
			continue
		}
		own = true
		if !slices.Contains(d.names(), domain) {
			lines = append(lines, domain+": "+line.Values[given])
		}
	}
	if !own {
		return ""
	}
	return strings.Join(lines, "\n")
}

// sameForAll returns a line with the same value for each domain.
func (d Draft) sameForAll(value string) string {
	lines := make([]string, 0, onboarding.MaxDomains)
	for _, name := range d.names() {
		lines = append(lines, name+": "+value)
	}
	return strings.Join(lines, "\n")
}

// palette puts single colours over those of a list.
func palette(list string, values map[inputs.Key]string) string {
	list = cmp.Or(values[inputs.Palette], list)
	keys := []inputs.Key{inputs.Background, inputs.Text, inputs.Primary, inputs.Accent}
	if !slices.ContainsFunc(keys, func(key inputs.Key) bool { return values[key] != "" }) {
		return list
	}
	colors := inputs.List(list)
	defaults := []brand.Color{brand.DefaultPalette.Background, brand.DefaultPalette.Text,
		brand.DefaultPalette.Primary, brand.DefaultPalette.Accent}
	for i, key := range keys {
		if len(colors) == i {
			colors = append(colors, string(defaults[i]))
		}
		colors[i] = cmp.Or(values[key], colors[i])
	}
	return strings.Join(colors, ", ")
}
