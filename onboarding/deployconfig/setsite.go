package deployconfig

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SetSite puts the names and the root into every server block. All blocks must answer to the same
// names so far, each with one server_name. Otherwise each block must answer to the domain or to
// its www. alone, as where one redirects to the other; site then has these two names, and
// redirects to either follow. A root is replaced where a block has one itself, and at least one
// block must.
func SetSite(src []byte, site Site) ([]byte, error) {
	if err := site.validate(); err != nil {
		return nil, err
	}
	edited, err := setSite(src, site)
	if err != nil {
		return nil, fmt.Errorf("nginx configuration: %w", err)
	}
	return edited, nil
}

func setSite(src []byte, site Site) ([]byte, error) {
	conf, err := parseNginx(src)
	if err != nil {
		return nil, err
	}
	places, err := sitePlaces(src, conf)
	if err != nil {
		return nil, err
	}
	set, err := newSetter(src, conf, site)
	if err != nil {
		return nil, err
	}
	var edits []edit
	for _, d := range places {
		more, err := replaceArgs(src, d, set.values(d))
		if err != nil {
			return nil, err
		}
		edits = append(edits, more...)
	}
	out := splice(src, edits)
	after, err := parseNginx(out)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errChanged, err)
	}
	again, err := sitePlaces(out, after)
	if err != nil || len(again) != len(places) || !sameButSite(conf.directives, after.directives, 0) {
		return nil, errors.Join(errChanged, err)
	}
	for i, d := range places {
		if !slices.Equal(again[i].values(), set.values(d)) {
			return nil, errChanged
		}
	}
	return out, nil
}

// setter says what the directives of [sitePlaces] are set to.
type setter struct {
	site Site
	// split says that each server block answers to the domain or to its www. alone.
	split bool
	// renamed are the names that a server block or a redirect has, by those that it had.
	renamed map[string]string
}

func newSetter(src []byte, conf configuration, site Site) (setter, error) {
	set := setter{site: site, renamed: map[string]string{}}
	servers := conf.servers()
	var all []string
	first := slices.Sorted(slices.Values(valuesOf(servers[0].block, "server_name")))
	for _, server := range servers {
		names := valuesOf(server.block, "server_name")
		all = append(all, names...)
		set.split = set.split || !slices.Equal(slices.Sorted(slices.Values(names)), first)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	slices.SortFunc(all, func(a, b string) int { return len(a) - len(b) })
	names := site.ServerNames
	pair := len(all) == 2 && all[1] == "www."+all[0] && len(names) == 2 && names[1] == "www."+names[0]
	if set.split && !pair {
		return set, fmt.Errorf("line %d: the server blocks answer to different names (%s): use one set of names",
			lineOf(src, servers[1].args[0].start), strings.Join(all, " "))
	}
	if pair {
		set.renamed = map[string]string{all[0]: names[0], all[1]: names[1]}
	}
	return set, nil
}

func (s setter) values(d directive) []string {
	switch {
	case d.name() == "root":
		return []string{s.site.Root}
	case d.name() == "server_name" && !s.split:
		return s.site.ServerNames
	}
	values := d.values()
	for i, value := range values {
		scheme, name, found := strings.Cut(value, "://")
		if found {
			scheme += "://"
		} else {
			scheme, name = "", value
		}
		end := strings.IndexAny(name, "$/:?")
		if end < 0 {
			end = len(name)
		}
		if to, known := s.renamed[name[:end]]; known && (found || d.name() == "server_name") {
			values[i] = scheme + to + name[end:]
		}
	}
	return values
}

// sitePlaces finds the directives to set, or says why that would be a guess.
func sitePlaces(src []byte, conf configuration) ([]directive, error) {
	servers := conf.servers()
	if len(servers) == 0 {
		return nil, errors.New("has no server block")
	}
	var places []directive
	roots := 0
	for _, server := range servers {
		line := lineOf(src, server.args[0].start)
		var found, root, redirects []directive
		for _, d := range server.block {
			switch d.name() {
			case "server_name":
				found = append(found, d)
			case "root":
				root = append(root, d)
			case "return", "rewrite":
				redirects = append(redirects, d)
			}
		}
		if len(found) != 1 || len(found[0].args) < 2 {
			return nil, fmt.Errorf("line %d: the server block must have one server_name with a name, and has %d", line,
				len(found))
		}
		if len(root) > 1 || len(root) == 1 && len(root[0].args) != 2 {
			return nil, fmt.Errorf("line %d: the server block must have one root with one path", line)
		}
		roots += len(root)
		places = append(append(append(places, found...), root...), redirects...)
	}
	if roots == 0 {
		return nil, errors.New("no server block has a root")
	}
	return places, nil
}

// replaceArgs touches nothing where the values are there already, and each argument by itself
// where their number stays.
func replaceArgs(src []byte, d directive, values []string) ([]edit, error) {
	args := d.args[1:]
	if slices.Equal(d.values(), values) {
		return nil, nil
	}
	if len(args) == len(values) {
		var edits []edit
		for i, arg := range args {
			if arg.value != values[i] {
				edits = append(edits, edit{arg.start, arg.end, word(values[i])})
			}
		}
		return edits, nil
	}
	start, end := args[0].start, args[len(args)-1].end
	for i := 1; i < len(args); i++ {
		if gap := src[args[i-1].end:args[i].start]; len(bytes.TrimSpace(gap)) > 0 {
			return nil, fmt.Errorf("line %d: a comment is among the arguments of %s: move it",
				lineOf(src, args[i].start), d.name())
		}
	}
	return []edit{{start, end, strings.Join(values, " ")}}, nil
}

// word writes a value as one argument: in quotes where nginx would read it otherwise without them.
func word(value string) string {
	if !strings.ContainsAny(value, " \t\r\n;{}\"'\\") {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// siteDirectives are those of a server block that SetSite sets.
var siteDirectives = []string{"server_name", "root", "return", "rewrite"}

// sameButSite compares two configurations but for the values that SetSite sets. inServer is how
// deep below a server block.
func sameButSite(a, b []directive, inServer int) bool {
	return slices.EqualFunc(a, b, func(x, y directive) bool {
		if x.name() != y.name() || (x.block == nil) != (y.block == nil) {
			return false
		}
		set := inServer == 1 && slices.Contains(siteDirectives, x.name())
		below := 0
		if inServer > 0 || x.name() == "server" && x.block != nil {
			below = inServer + 1
		}
		return (set || slices.Equal(x.values(), y.values())) && sameButSite(x.block, y.block, below)
	})
}
