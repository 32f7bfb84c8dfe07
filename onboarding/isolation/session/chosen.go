package session

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxValues bounds how many values other settings are tried with.
	maxValues = 40
	// maxPaired bounds how many of the literals that stand beside a setting it is tried with,
	// while each other setting has one of its own.
	maxPaired = 8
	// beside is how many bytes of a source after a setting's name count as being about it.
	beside = 120
	// baseSessions is how many sessions each combination of settings is tried with.
	baseSessions = 2
)

var (
	anyLiteral  = regexp.MustCompile(`'([^']{1,60})'`)
	jsonKey     = regexp.MustCompile(`->>?\s*'([^']+)'`)
	settingName = regexp.MustCompile(`^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*$`)
	readSetting = regexp.MustCompile(`current_setting\(\s*'([^']+)'`)
	// wrapper matches the source of a function that reads the setting that its argument names,
	// with what it puts before the name.
	wrapper = regexp.MustCompile(`current_setting\(\s*(?:'([\w.]*)'(?:::text)?\s*\|\|\s*)?(?:\$\d|[a-z_]\w*)\s*[,):]`)
	// compared matches the number that a value is compared with, and literalBefore the literal
	// on the left of a comparison.
	compared      = regexp.MustCompile(`[<>=]\s*\(?'?(-?\d+)`)
	literalBefore = regexp.MustCompile(`'([^']{1,60})'(?:::[\w ]+)?\)?\s*(?:=|<>|~)\s*\(*$`)
)

// usualValues are values that bypasses often test for.
var usualValues = []string{"true", "on", "1", "yes", "t", "admin", "service", "service_role", "superuser", "system",
	"root",
	"owner", "bypass", "*"}

// ChosenSettings are the settings, other than the identity's, that policies, views and functions
// read. An attacker chooses their values.
type ChosenSettings struct {
	identity Settings
	// server are the server's own settings that every session may set.
	server map[string]bool
	// literals are, by setting, the literals that stand beside it.
	literals map[string][]string
	// values are the other literals, and keys those of JSON documents, in sources that read
	// settings.
	values, keys []string
	// Whether a setting is compared with numbers, or read as an array or a document.
	numbers, arrays, documents bool
}

// ReadChosenSettings reads the sources of everything that may read a setting. server are the
// server's own settings that every session may set.
func ReadChosenSettings(cat *catalog.Catalog, identity Settings, server []string) *ChosenSettings {
	c := &ChosenSettings{identity: identity, server: map[string]bool{}, literals: map[string][]string{}}
	for _, name := range server {
		c.server[name] = true
	}
	readers := settingReaders(cat)
	for _, t := range cat.Relations {
		for _, p := range t.Policies {
			c.read(p.Using, readers)
			c.read(p.Check, readers)
		}
		c.read(t.Definition, readers)
	}
	for _, f := range cat.Functions {
		c.read(f.Source, readers)
	}
	return c
}

// settingReader matches a call that reads a setting, whose name follows a prefix.
type settingReader struct {
	call   *regexp.Regexp
	prefix string
}

func settingReaders(cat *catalog.Catalog) []settingReader {
	readers := []settingReader{{call: readSetting}}
	for _, f := range cat.Functions {
		if match := wrapper.FindStringSubmatch(f.Source); match != nil && len(f.ArgTypes) > 0 {
			call := regexp.MustCompile(`\b` + regexp.QuoteMeta(f.Name) + `\(\s*'([^']+)'`)
			readers = append(readers, settingReader{call, match[1]})
		}
	}
	return readers
}

func (c *ChosenSettings) read(source string, readers []settingReader) {
	reads := false
	for _, reader := range readers {
		for _, at := range reader.call.FindAllStringSubmatchIndex(source, -1) {
			name := reader.prefix + source[at[2]:at[3]]
			if !settingName.MatchString(name) || c.identity.IsIdentity(name) || !isCustom(name) && !c.server[name] {
				continue
			}
			reads = true
			c.compare(name, source[:at[0]], source[at[1]:min(len(source), at[1]+beside)])
		}
	}
	if !reads {
		return
	}
	for _, match := range anyLiteral.FindAllStringSubmatch(source, -1) {
		_, isName := c.literals[match[1]]
		if !isName && !slices.Contains(c.values, match[1]) && !c.identity.IsIdentity(match[1]) {
			c.values = append(c.values, match[1])
		}
	}
	c.arrays = c.arrays || strings.Contains(source, "[]")
	c.documents = c.documents || strings.Contains(source, "json")
	for _, match := range jsonKey.FindAllStringSubmatch(source, -1) {
		c.keys = append(c.keys, match[1])
	}
}

// isCustom reports whether a setting is a custom one: the server's own have no dot.
func isCustom(name string) bool { return strings.Contains(name, ".") }

// compare records what a setting is compared with, by what stands before and after it.
func (c *ChosenSettings) compare(name, left, right string) {
	values := c.literals[name]
	add := func(value string) {
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	if match := literalBefore.FindStringSubmatch(left); match != nil {
		add(match[1])
	}
	right, _, _ = strings.Cut(right, "current_setting(")
	for _, match := range compared.FindAllStringSubmatch(right, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil {
			continue
		}
		c.numbers = true
		for _, near := range []int{n, n + 1, n - 1} {
			add(strconv.Itoa(near))
		}
	}
	for _, match := range anyLiteral.FindAllStringSubmatch(right, -1) {
		add(match[1])
	}
	c.literals[name] = values
}

// Known are the victims, whose ids and names attackers try as values of settings.
type Known struct {
	Victims []tenancy.Tenant
	// Names are the unique texts of the victims' own rows, such as slugs. Labels do not repeat
	// them, since a name may be an address.
	Names []string
}

func (k Known) shown(value string) string {
	if slices.ContainsFunc(k.Names, func(name string) bool { return strings.Contains(value, name) }) {
		return "a tenant's name"
	}
	return strconv.Quote(value)
}

// Sessions returns the first of the base sessions with the settings set to values that may open
// something: each setting to what it is compared with, then all alike to those literals, usual
// words and what is known of victims.
func (c *ChosenSettings) Sessions(base []Session, known Known) []Session {
	var sessions []Session
	set := func(extra []Setting) {
		for _, s := range base[:min(baseSessions, len(base))] {
			sessions = append(sessions, s.with(extra, known.shown))
		}
	}
	names := slices.Sorted(maps.Keys(c.literals))
	for i := range maxPaired {
		extra, more := c.paired(names, i)
		if !more {
			break
		}
		set(extra)
	}
	custom := slices.DeleteFunc(names, func(name string) bool { return !isCustom(name) })
	if len(custom) == 0 {
		return sessions
	}
	for _, value := range c.candidates(known) {
		for _, spelling := range c.spellings(value) {
			var extra []Setting
			for _, name := range custom {
				extra = append(extra, Setting{name, spelling})
			}
			set(extra)
		}
	}
	return sessions
}

// paired sets each setting to the literal at an index that stands beside it, or to its last.
// more says that some setting has a literal at the index.
func (c *ChosenSettings) paired(names []string, index int) (extra []Setting, more bool) {
	for _, name := range names {
		if values := c.literals[name]; len(values) > 0 {
			more = more || index < len(values)
			extra = append(extra, Setting{name, values[min(index, len(values)-1)]})
		}
	}
	return extra, more
}

func (c *ChosenSettings) candidates(known Known) []string {
	values := slices.Clone(c.values)
	for _, v := range known.Victims {
		values = append(values, v.ID)
	}
	values = slices.Concat(values, known.Names, usualValues)
	if c.numbers {
		values = slices.Insert(values, 0, "999999")
	}
	return values[:min(len(values), maxValues)]
}

// spellings are a value as it is, in an array, and in documents with the keys that sources read:
// as text, as JSON of its own, and in a list.
func (c *ChosenSettings) spellings(value string) []string {
	found := []string{value}
	if c.arrays {
		found = append(found, "{"+value+"}")
	}
	isJSON := json.Valid([]byte(value))
	if c.documents {
		if isJSON {
			found = append(found, "["+value+"]")
		}
		found = append(found, fmt.Sprintf("[%q]", value))
	}
	if len(c.keys) == 0 {
		return found
	}
	forms := []any{value}
	if isJSON {
		forms = append(forms, json.RawMessage(value), []json.RawMessage{json.RawMessage(value)})
	} else {
		forms = append(forms, []string{value})
	}
	for _, form := range forms {
		claims := map[string]any{}
		for _, k := range c.keys {
			claims[k] = form
		}
		if text, err := json.Marshal(claims); err == nil {
			found = append(found, string(text))
		}
	}
	return found
}

// ChosenKey identifies what the other settings of a session say.
func (s Session) ChosenKey() string {
	var said []string
	for _, e := range s.Extra {
		said = append(said, e.Name+"="+e.Value)
	}
	return strings.Join(said, " ")
}
