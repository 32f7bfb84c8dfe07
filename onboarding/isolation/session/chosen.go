package session

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/atlilith/onboardbot/internal/claims"
	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/taint"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxValues bounds how many values all other settings are tried with alike.
	maxValues = 48
	// Settings are compared with literals. maxTogether bounds how many combinations of these are
	// tried, and maxAlone how many of one setting's, or part's, are tried while no other is set.
	maxTogether, maxAlone = 16, 4
)

// usualValues are values that bypasses often test for.
var usualValues = []string{"true", "on", "1", "yes", "t", "admin", "service", "service_role", "superuser", "system",
	"root", "owner", "bypass", "*", "%", "999999", ""}

// ChosenSettings are the settings by which policies, views and functions decide something, and
// whose values an attacker chooses: those that are not the identity's and, of the documents that
// carry it, the members that users write themselves.
type ChosenSettings struct {
	identity Settings
	settings []*taint.Setting
	// deciding returns the settings of the identity by which something is decided.
	deciding func() []*taint.Setting
	// Unread are the sources that could not be parsed.
	Unread []string
}

// ReadChosenSettings reads the sources of everything that may read a setting. server are the
// server's own settings that every session may set.
func ReadChosenSettings(cat *catalog.Catalog, identity Settings, server []string) *ChosenSettings {
	written := func(name string) bool {
		members := identity.userWritten(name)
		return len(members) > 0 && cat.AnySourceMentions(members...)
	}
	decisions, unread := taint.Read(cat, func(name string) bool {
		if identity.IsIdentity(name) {
			return written(name)
		}
		return isCustom(name) || slices.Contains(server, strings.ToLower(name))
	})
	c := &ChosenSettings{identity: identity, Unread: unread}
	c.deciding = sync.OnceValue(func() []*taint.Setting {
		decisions, _ := taint.Read(cat, identity.IsIdentity)
		return decisions.Settings()
	})
	for _, s := range decisions.Settings() {
		if identity.IsIdentity(s.Name) {
			s = s.Within(identity.userWritten(s.Name))
		}
		if len(s.Slots()) > 0 {
			c.settings = append(c.settings, s)
		}
	}
	return c
}

// isCustom reports whether a setting is a custom one: the server's own have no dot.
func isCustom(name string) bool { return strings.Contains(name, ".") }

// Known are the victims, whose ids and names attackers try as values of settings.
type Known struct {
	Victims []tenancy.Tenant
	// Names are the unique texts of the victims' own rows, such as slugs. Labels do not repeat
	// them, since a name may be an address.
	Names []string
	// Columns are some values of columns, by name.
	Columns map[string][]string
}

func (k Known) shown(value string) string {
	if slices.ContainsFunc(k.Names, func(name string) bool { return strings.Contains(value, name) }) {
		return "a tenant's name"
	}
	return strconv.Quote(value)
}

// Sessions returns the base session, and one without an identity, with the settings set to values
// that may open something: all settings to what they are compared with, each of them alone, each
// part of one alone and left out, then all alike to literals, usual words and what is known of
// victims.
func (c *ChosenSettings) Sessions(base Session, known Known) []Session {
	var sessions []Session
	tried := map[string]bool{}
	try := func(extra []Setting) {
		key := Session{Extra: extra}.ChosenKey()
		if len(extra) == 0 || tried[key] {
			return
		}
		tried[key] = true
		sessions = append(sessions, base.with(c.issued(base, extra), known.shown))
		// Without an identity, there is no document that the platform verified.
		extra = slices.DeleteFunc(slices.Clone(extra), func(e Setting) bool { return c.identity.IsIdentity(e.Name) })
		if len(extra) > 0 {
			sessions = append(sessions, Unset.with(extra, known.shown))
		}
	}
	tryAll := func(settings []*taint.Setting, choose taint.Choice) {
		for _, extra := range fill(settings, choose) {
			try(extra)
		}
	}
	for i := range c.combinations() {
		tryAll(c.settings, nth(i))
		tryAll(c.settings, only(nth(i), byValue))
	}
	if len(c.settings) > 1 {
		for _, s := range c.settings {
			for i := range maxAlone {
				tryAll([]*taint.Setting{s}, nth(i))
			}
		}
	}
	// One part may refuse what the others allow.
	for _, part := range c.parts() {
		for i := range min(maxAlone, max(1, c.combinations())) {
			tryAll(c.settings, only(nth(i), func(slot *taint.Slot) bool { return slot == part }))
			tryAll(c.settings, only(nth(i), func(slot *taint.Slot) bool { return slot != part }))
		}
	}
	custom := slices.DeleteFunc(slices.Clone(c.settings), func(s *taint.Setting) bool { return !isCustom(s.Name) })
	for _, value := range c.candidates(known) {
		choose := func(slot *taint.Slot) (string, bool) { return value, !slot.Document }
		tryAll(custom, choose)
		tryAll(custom, only(choose, byValue))
	}
	return sessions
}

// issued completes settings that carry a session's identity with what the platform puts into them.
func (c *ChosenSettings) issued(base Session, extra []Setting) []Setting {
	extra = slices.Clone(extra)
	for i, e := range extra {
		for _, value := range c.identity.Values(base.User, base.Org) {
			if value.Name == e.Name {
				extra[i].Value, extra[i].written = claims.Merge(value.Value, e.Value), e.Value
			}
		}
	}
	return extra
}

// candidates are values for all settings alike.
func (c *ChosenSettings) candidates(known Known) []string {
	var values []string
	for _, v := range known.Victims {
		values = append(values, v.ID)
	}
	values = slices.Concat(values, known.Names, usualValues)
	for _, name := range c.Columns() {
		values = append(values, known.Columns[name]...)
	}
	for _, s := range c.settings {
		for _, slot := range s.Slots() {
			values = append(values, slot.Literals...)
		}
	}
	return values[:min(len(values), maxValues)]
}

// Columns are the names of the columns that settings are compared with.
func (c *ChosenSettings) Columns() []string {
	var names []string
	for _, s := range c.settings {
		for _, slot := range s.Slots() {
			for _, name := range slot.Columns {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// IdentityPart returns the part of a session's own settings that policies, views and functions
// compare with columns of a name, such as the token of a login.
func (c *ChosenSettings) IdentityPart(s Session, column string) (value string, ok bool) {
	for _, setting := range c.deciding() {
		for _, set := range c.identity.Values(s.User, s.Org) {
			if set.Name != setting.Name {
				continue
			}
			for _, slot := range setting.Slots() {
				if !slices.Contains(slot.Columns, column) {
					continue
				}
				if part, ok := slot.Part(set.Value); ok && part != "" {
					return part, true
				}
			}
		}
	}
	return "", false
}

// ChosenKey identifies what the other settings of a session say.
func (s Session) ChosenKey() string {
	var said []string
	for _, e := range s.Extra {
		said = append(said, e.Name+"="+e.chosen())
	}
	return strings.Join(said, " ")
}
