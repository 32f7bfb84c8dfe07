package isolation

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	readsSetting = regexp.MustCompile(`current_setting\(\s*'([^']+)'`)
	anyLiteral   = regexp.MustCompile(`'([^']{1,60})'`)
	jsonKey      = regexp.MustCompile(`->>?\s*'([^']+)'`)
)

// plausible are values that bypasses usually test for.
var plausible = []string{"true", "on", "1", "yes", "t", "admin", "service", "service_role", "superuser", "system", "root", "owner", "bypass", "*"}

// maxSettingValues bounds how many values other settings are tried with.
const maxSettingValues = 40

// settingsPerWrite bounds how many of those values writes are attempted with: the literals that stand beside a setting come first.
const settingsPerWrite = 6

// settingSessions are the given sessions with every other setting that policies, views or functions read set to values that may open
// something: literals that stand beside them, usual words, and victims' ids.
func (r *run) settingSessions(base []session) []session {
	names := map[string]bool{}
	var values, keys []string
	look := func(source string) {
		found := readsSetting.FindAllStringSubmatch(source, -1)
		other := false
		for _, match := range found {
			if strings.Contains(match[1], ".") && match[1] != r.cfg.Settings.User && match[1] != r.cfg.Settings.Org {
				names[match[1]], other = true, true
			}
		}
		if !other {
			return
		}
		for _, match := range anyLiteral.FindAllStringSubmatch(source, -1) {
			if !strings.Contains(match[1], ".") && !slices.Contains(values, match[1]) {
				values = append(values, match[1])
			}
		}
		for _, match := range jsonKey.FindAllStringSubmatch(source, -1) {
			keys = append(keys, match[1])
		}
	}
	for _, t := range r.m.cat.Relations {
		for _, p := range t.Policies {
			look(p.Using)
			look(p.Check)
		}
		look(t.Definition)
	}
	for _, f := range r.m.cat.Functions {
		look(f.Source)
	}
	if len(names) == 0 {
		return nil
	}
	for _, v := range r.victims {
		values = append(values, v.Person+v.Org)
	}
	values = append(values, plausible...)
	var sessions []session
	for _, value := range values[:min(len(values), maxSettingValues)] {
		spellings := []string{value}
		if len(keys) > 0 {
			claims := map[string]string{}
			for _, k := range keys {
				claims[k] = value
			}
			if text, err := json.Marshal(claims); err == nil {
				spellings = append(spellings, string(text))
			}
		}
		for _, spelling := range spellings {
			for _, s := range base[:min(2, len(base))] {
				var said []string
				for name := range names {
					s.Extra = append(slices.Clone(s.Extra), setting{name, spelling})
					said = append(said, name)
				}
				slices.Sort(said)
				s.Label += fmt.Sprintf(" with %s set to %q", strings.Join(said, ", "), spelling)
				sessions = append(sessions, s)
			}
		}
	}
	return sessions
}
