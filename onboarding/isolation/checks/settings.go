package checks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

var (
	anyLiteral  = regexp.MustCompile(`'([^']{1,60})'`)
	jsonKey     = regexp.MustCompile(`->>?\s*'([^']+)'`)
	settingName = regexp.MustCompile(`^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*$`)
	// wraps matches the source of a function that reads the setting that its argument names, with what it puts before the name.
	wraps = regexp.MustCompile(`current_setting\(\s*(?:'([\w.]*)'(?:::text)?\s*\|\|\s*)?(?:\$\d|[a-z_]\w*)\s*[,):]`)
	// compared matches the number that a value is held against, and before the literal that stands on the left of one.
	compared = regexp.MustCompile(`[<>=]\s*\(?'?(-?\d+)`)
	before   = regexp.MustCompile(`'([^']{1,60})'(?:::[\w ]+)?\)?\s*(?:=|<>|~)\s*\(*$`)
)

// plausible are values that bypasses usually test for.
var plausible = []string{"true", "on", "1", "yes", "t", "admin", "service", "service_role", "superuser", "system", "root", "owner", "bypass", "*"}

const (
	// maxSettingValues bounds how many values other settings are tried with.
	maxSettingValues = 40
	// maxPaired bounds how many of the literals that stand beside a setting it is tried with, while each other has one of its own.
	maxPaired = 8
	// besides is how much of a source after a setting's name is taken to be about it.
	besides = 120
)

// settingsPerWrite bounds how many of those values writes are attempted with: the literals that stand beside a setting come first.
const settingsPerWrite = 6

// question is what policies, views and functions read from settings other than the identity's: the names, with what each is held against.
type question struct {
	beside       map[string][]string
	values, keys []string
	numbers      bool
	// Whether something that reads settings makes arrays or JSON of what they say.
	arrays, documents bool
}

// asks reads the sources of everything that may look at a setting.
func (r *Run) asks() *question {
	q := &question{beside: map[string][]string{}}
	readers := []struct {
		name   *regexp.Regexp
		prefix string
	}{{regexp.MustCompile(`current_setting\(\s*'([^']+)'`), ""}}
	for _, f := range r.m.Cat.Functions {
		if match := wraps.FindStringSubmatch(f.Source); match != nil && len(f.ArgTypes) > 0 {
			readers = append(readers, struct {
				name   *regexp.Regexp
				prefix string
			}{regexp.MustCompile(`\b` + regexp.QuoteMeta(f.Name) + `\(\s*'([^']+)'`), match[1]})
		}
	}
	look := func(source string) {
		other := false
		for _, reader := range readers {
			for _, at := range reader.name.FindAllStringSubmatchIndex(source, -1) {
				name := reader.prefix + source[at[2]:at[3]]
				if !settingName.MatchString(name) || name == r.cfg.Settings.User || name == r.cfg.Settings.Org || !strings.Contains(name, ".") && !r.tunable[name] {
					continue
				}
				other = true
				q.hold(name, source[:at[0]], source[at[1]:min(len(source), at[1]+besides)])
			}
		}
		if !other {
			return
		}
		for _, match := range anyLiteral.FindAllStringSubmatch(source, -1) {
			if _, isName := q.beside[match[1]]; !isName && !slices.Contains(q.values, match[1]) && match[1] != r.cfg.Settings.User && match[1] != r.cfg.Settings.Org {
				q.values = append(q.values, match[1])
			}
		}
		q.arrays = q.arrays || strings.Contains(source, "[]")
		q.documents = q.documents || strings.Contains(source, "json")
		for _, match := range jsonKey.FindAllStringSubmatch(source, -1) {
			q.keys = append(q.keys, match[1])
		}
	}
	for _, t := range r.m.Cat.Relations {
		for _, p := range t.Policies {
			look(p.Using)
			look(p.Check)
		}
		look(t.Definition)
	}
	for _, f := range r.m.Cat.Functions {
		look(f.Source)
	}
	return q
}

// hold notes what a setting is held against, by what stands before and after it.
func (q *question) hold(name, left, right string) {
	values := q.beside[name]
	add := func(value string) {
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	if match := before.FindStringSubmatch(left); match != nil {
		add(match[1])
	}
	if next := strings.Index(right, "current_setting("); next >= 0 {
		right = right[:next]
	}
	for _, match := range compared.FindAllStringSubmatch(right, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil {
			continue
		}
		q.numbers = true
		for _, near := range []int{n, n + 1, n - 1} {
			add(strconv.Itoa(near))
		}
	}
	for _, match := range anyLiteral.FindAllStringSubmatch(right, -1) {
		add(match[1])
	}
	q.beside[name] = values
}

// settingSessions are the given sessions with every other setting that policies, views or functions read set to values that may open
// something: each to what it is held against, then all alike to those literals, usual words, and victims' ids.
func (r *Run) settingSessions(base []session.Session) []session.Session {
	q := r.asks()
	if len(q.beside) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(q.beside))
	var sessions []session.Session
	set := func(extra []session.Setting) {
		for _, s := range base[:min(2, len(base))] {
			s.Extra = slices.Concat(s.Extra, extra)
			var said []string
			for _, e := range extra {
				value := fmt.Sprintf("%q", e.Value)
				if slices.ContainsFunc(r.aliases, func(name string) bool { return strings.Contains(e.Value, name) }) {
					value = "a tenant's name" // which may be an address
				}
				said = append(said, e.Name+" set to "+value)
			}
			s.Label += " with " + strings.Join(said, ", ")
			sessions = append(sessions, s)
		}
	}
	for i := range maxPaired {
		var extra []session.Setting
		more := false
		for _, name := range names {
			if values := q.beside[name]; len(values) > 0 {
				more = more || i < len(values)
				extra = append(extra, session.Setting{Name: name, Value: values[min(i, len(values)-1)]})
			}
		}
		if !more {
			break
		}
		set(extra)
	}
	values := q.values
	for _, v := range r.victims {
		values = append(values, v.Person+v.Org)
	}
	values = append(values, r.aliases...)
	values = append(values, plausible...)
	if q.numbers {
		values = append([]string{"999999"}, values...)
	}
	dotted := slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, ".") })
	if len(dotted) == 0 {
		return sessions
	}
	for _, value := range values[:min(len(values), maxSettingValues)] {
		spellings := q.spellings(value)
		for _, spelling := range spellings {
			var extra []session.Setting
			for _, name := range dotted {
				extra = append(extra, session.Setting{Name: name, Value: spelling})
			}
			set(extra)
		}
	}
	return sessions
}

// spellings are a value as it is, in an array, and in documents with the keys that are asked for: as text, as JSON of its own, and in a list.
func (q *question) spellings(value string) []string {
	found := []string{value}
	if q.arrays {
		found = append(found, "{"+value+"}")
	}
	if q.documents {
		if json.Valid([]byte(value)) {
			found = append(found, "["+value+"]")
		}
		found = append(found, fmt.Sprintf("[%q]", value))
	}
	if len(q.keys) == 0 {
		return found
	}
	forms := []any{value}
	if json.Valid([]byte(value)) {
		forms = append(forms, json.RawMessage(value), []json.RawMessage{json.RawMessage(value)})
	} else {
		forms = append(forms, []string{value})
	}
	for _, form := range forms {
		claims := map[string]any{}
		for _, k := range q.keys {
			claims[k] = form
		}
		if text, err := json.Marshal(claims); err == nil {
			found = append(found, string(text))
		}
	}
	return found
}

// opened counts for a session's other settings how often the like opened a read.
func (r *Run) opened(s session.Session) int { return r.openers[openness(s)] }

// openness is what a session's other settings say, in one word.
func openness(s session.Session) string {
	var said []string
	for _, e := range s.Extra {
		said = append(said, e.Name+"="+e.Value)
	}
	return strings.Join(said, " ")
}

// mostOpen sorts sessions by how often their settings opened a read.
func (r *Run) mostOpen(sessions []session.Session) {
	slices.SortStableFunc(sessions, func(a, b session.Session) int { return cmp.Compare(r.opened(b), r.opened(a)) })
}
