package blockcheck

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rule judges one value at a JSON pointer.
type rule func(c *checker, at string, v any)

type fields map[string]rule

// checker collects problems and what must be judged over a whole message or view.
type checker struct {
	surface  Surface
	options  Options
	kinds    map[string]kind
	problems []Problem

	blockIDs, taskIDs, used map[string]bool
	markdown, cells, data   int
	focus                   int
	// inputAt is the first input block's pointer.
	inputAt string
}

func newChecker(s Surface, o Options) *checker {
	return &checker{surface: s, options: o, kinds: blockKinds,
		blockIDs: map[string]bool{}, taskIDs: map[string]bool{}, used: map[string]bool{}}
}

func (c *checker) refuse(at, format string, args ...any) {
	c.problems = append(c.problems, Problem{fmt.Sprintf(format, args...), at})
}

// shape is an object with known properties.
type shape struct {
	fields   fields
	required []string
	// also judges what concerns several properties; it may be nil.
	also func(c *checker, at string, m map[string]any)
}

func (s shape) check(c *checker, at string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.refuse(at, "must provide an object")
		return
	}
	for _, name := range s.required {
		if _, ok := m[name]; !ok {
			c.refuse(at, "missing required field: %s", name)
		}
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		r, ok := s.fields[name]
		if !ok {
			c.refuse(at, "invalid additional property: %s", name)
			continue
		}
		r(c, at+"/"+escape(name), m[name])
	}
	if s.also != nil {
		s.also(c, at, m)
	}
}

func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// with returns the shape's fields together with more.
func with(a fields, more fields) fields {
	all := fields{}
	for name, r := range a {
		all[name] = r
	}
	for name, r := range more {
		all[name] = r
	}
	return all
}

// str is a string of min to max characters (Unicode code points); max 0 means no limit.
func str(min, max int) rule {
	return func(c *checker, at string, v any) {
		s, ok := v.(string)
		if !ok {
			c.refuse(at, "must provide a string")
			return
		}
		n := utf8.RuneCountInString(s)
		if n < min {
			c.refuse(at, "must be more than %d characters", min-1)
		}
		if max > 0 && n > max {
			c.refuse(at, "must be less than %d characters", max+1)
		}
	}
}

// link is an absolute URL of at most 3000 characters.
func link(c *checker, at string, v any) {
	str(1, 3000)(c, at, v)
	if s, ok := v.(string); ok && s != "" {
		if u, err := url.Parse(s); err != nil || u.Scheme == "" || (u.Host == "" && u.Opaque == "") {
			c.refuse(at, "must be a valid URL")
		}
	}
}

func enum(values ...string) rule {
	return func(c *checker, at string, v any) {
		s, ok := v.(string)
		if !ok {
			c.refuse(at, "must provide a string")
		} else if !slices.Contains(values, s) {
			c.refuse(at, "must be a valid enum value")
		}
	}
}

func boolean(c *checker, at string, v any) {
	if _, ok := v.(bool); !ok {
		c.refuse(at, "must provide a boolean")
	}
}

func number(c *checker, at string, v any) {
	if _, ok := v.(json.Number); !ok {
		c.refuse(at, "must provide a number")
	}
}

func integer(min, max int64) rule {
	return func(c *checker, at string, v any) {
		n, ok := v.(json.Number)
		if !ok {
			c.refuse(at, "must provide an integer")
			return
		}
		i, err := n.Int64()
		switch {
		case err != nil:
			c.refuse(at, "must provide an integer")
		case i < min:
			c.refuse(at, "must be greater than or equal to %d", min)
		case i > max:
			c.refuse(at, "must be less than or equal to %d", max)
		}
	}
}

// decimal is a number written as a string, as number_input wants it.
func decimal(c *checker, at string, v any) {
	s, ok := v.(string)
	if !ok {
		c.refuse(at, "must provide a string")
	} else if _, err := strconv.ParseFloat(s, 64); err != nil {
		c.refuse(at, "must be a valid number")
	}
}

func list(item rule, min, max int) rule {
	return func(c *checker, at string, v any) {
		items, ok := v.([]any)
		if !ok {
			c.refuse(at, "must provide an array")
			return
		}
		if len(items) < min {
			c.refuse(at, "no fewer than %d items allowed", min)
		}
		if max > 0 && len(items) > max {
			c.refuse(at, "no more than %d items allowed", max)
		}
		for i, it := range items {
			item(c, fmt.Sprintf("%s/%d", at, i), it)
		}
	}
}

// oneOf wants exactly one of the named properties.
func oneOf(names ...string) func(*checker, string, map[string]any) {
	return func(c *checker, at string, m map[string]any) {
		n := 0
		for _, name := range names {
			if _, ok := m[name]; ok {
				n++
			}
		}
		if n != 1 {
			c.refuse(at, "must define exactly one of `%s`", strings.Join(names, "` or `"))
		}
	}
}

// typed reads the type property, which every block and element has.
func (c *checker) typed(at string, v any) (map[string]any, string, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		c.refuse(at, "must provide an object")
		return nil, "", false
	}
	t, ok := m["type"]
	if !ok {
		c.refuse(at, "missing required field: type")
		return nil, "", false
	}
	s, ok := t.(string)
	if !ok {
		c.refuse(at+"/type", "must provide a string")
		return nil, "", false
	}
	return m, s, true
}

// same reports whether two decoded values are equal, numbers as written.
func same(a, b any) bool { return reflect.DeepEqual(a, b) }

func anything(*checker, string, any) {}
