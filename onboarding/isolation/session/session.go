package session

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Session is an attacker: what the settings of a session say, and who that really is.
type Session struct {
	Kind Kind
	// Label describes the session in reports. Nothing is decided by it.
	Label string
	// User and Org are the values of the settings. nil leaves one unset, which differs from
	// empty on a new connection.
	User, Org *string
	// Extra are other custom settings.
	Extra []Setting
	// Role is the role taken on with SET ROLE. Empty: the app role itself.
	Role string
	// Identity is the truth about the attacker.
	Identity tenancy.Identity

	// base is the role that the platform opens the session with. Empty: the app role.
	base string
}

// Setting is a custom setting and its value.
type Setting struct {
	Name, Value string

	written string // the part of a verified document that the session chose, or empty
}

// chosen is what the session chose of the value.
func (s Setting) chosen() string { return cmp.Or(s.written, s.Value) }

// Kind is the kind of attacker.
type Kind string

// The kinds of attackers.
const (
	Anonymous Kind = "anonymous" // without a valid identity
	Person    Kind = "person"    // a Person who acts in no Org
	Member    Kind = "member"    // a Person who acts in an Org of theirs
	Former    Kind = "former"    // a Person who claims an Org that they left
	Departed  Kind = "departed"  // a Person who left an Org and acts in none
	Stranger  Kind = "stranger"  // a Person who claims an Org that they were never in
	Rival     Kind = "rival"     // a Stranger who is a member of another Org
	Author    Kind = "author"    // a Person who is named by a row of an Org that they do not belong to
)

// Claims reports whether the attacker acts in an Org that they do not belong to.
func (k Kind) Claims() bool { return k == Former || k == Stranger || k == Rival }

// HasLeft reports whether the attacker belonged to the victim's Org once.
func (k Kind) HasLeft() bool { return k == Former || k == Departed }

// Plural describes several attackers of the kind.
func (k Kind) Plural() string {
	switch k {
	case Anonymous:
		return "anonymous"
	case Former:
		return "former members"
	case Stranger, Rival:
		return "strangers claiming the Org"
	case Member:
		return "members acting in an Org"
	}
	return "Persons"
}

// The anonymous sessions that every list of attackers holds.
var (
	Unset = Session{Kind: Anonymous, Label: "anonymous, no identity set"}
	Empty = Session{Kind: Anonymous, Label: "anonymous, identity set to empty", User: new(""), Org: new("")}
)

// Claiming returns an anonymous session that claims an Org, on top of another.
func (s Session) Claiming(org string) Session {
	s.Org = &org
	if s.User == nil {
		s.Label = "anonymous claiming Org " + org
	} else {
		s.Label += ", claiming Org " + org
	}
	return s
}

// As returns the session after SET ROLE.
func (s Session) As(role string) Session {
	s.Role = role
	s.Label += " after SET ROLE " + role
	return s
}

// with adds settings. shown renders a value for the label.
func (s Session) with(extra []Setting, shown func(value string) string) Session {
	s.Extra = slices.Concat(s.Extra, extra)
	said := make([]string, len(extra))
	for i, e := range extra {
		said[i] = e.Name + " set to " + shown(e.chosen())
	}
	s.Label += " with " + strings.Join(said, ", ")
	return s
}

// Key identifies sessions that are alike.
type Key struct {
	kind                Kind
	user, org           string
	userUnset, orgUnset bool
	role, base, chosen  string
}

// Key returns what identifies the session: its kind and all that it sets.
func (s Session) Key() Key {
	key := Key{kind: s.Kind, userUnset: s.User == nil, orgUnset: s.Org == nil, role: s.Role, base: s.base,
		chosen: s.ChosenKey()}
	if s.User != nil {
		key.user = *s.User
	}
	if s.Org != nil {
		key.org = *s.Org
	}
	return key
}

// needsFreshConnection reports whether the session must run where a setting was never set: one
// that was set once is empty afterwards, and never again unset.
func (s Session) needsFreshConnection() bool { return s.User == nil || s.Org == nil }

// shape says which settings the sessions of a connection leave unset for good.
type shape struct{ user, org, extra bool }

func (s Session) shape() shape { return shape{s.User == nil, s.Org == nil, len(s.Extra) > 0} }

// chain returns the chain of shapes that can follow each other on one connection, and the place
// in it: later shapes set what earlier ones leave unset.
func (s shape) chain() (chain, place int) {
	const unextended, extended, others = 0, 1, 2
	switch {
	case s.user && s.extra && s.org:
		return others, 0
	case s.user && s.extra:
		return others + 1, 0
	case s.extra && !s.org:
		return extended, 2
	case s.extra:
		return extended, 1
	case s.org && !s.user:
		return extended, 0
	case s.org:
		return unextended, 0
	case s.user:
		return unextended, 1
	}
	return unextended, 2
}

// SharedConnections groups sessions that can share a connection when they use it in the order of
// the group. It returns their indexes.
func SharedConnections(sessions []Session) [][]int {
	chains := map[int][]int{}
	for i, s := range sessions {
		chain, _ := s.shape().chain()
		chains[chain] = append(chains[chain], i)
	}
	var groups [][]int
	for _, chain := range slices.Sorted(maps.Keys(chains)) {
		group := chains[chain]
		slices.SortStableFunc(group, func(a, b int) int {
			_, first := sessions[a].shape().chain()
			_, second := sessions[b].shape().chain()
			return cmp.Compare(first, second)
		})
		groups = append(groups, group)
	}
	return groups
}

// Enter renders the statements that make a transaction this session's, one for each setting.
func (s Session) Enter(names Settings) string {
	var sql strings.Builder
	for _, call := range s.setCalls(names) {
		sql.WriteString("SELECT " + call + ";")
	}
	return sql.String() + s.takeOn(names)
}

// entry are the statements of Enter with one for all settings, each with its semicolon: the server
// parses, plans and answers each by itself.
func (s Session) entry(names Settings) (statements []string) {
	if calls := s.setCalls(names); len(calls) > 0 {
		statements = append(statements, "SELECT "+strings.Join(calls, ", ")+";")
	}
	if role := s.takeOn(names); role != "" {
		statements = append(statements, role)
	}
	return statements
}

func (s Session) setCalls(names Settings) []string {
	var calls []string
	for _, e := range slices.Concat(names.Values(s.User, s.Org), s.Extra) {
		calls = append(calls, "set_config("+query.Literal(e.Name)+", "+query.Literal(e.Value)+", true)")
	}
	return calls
}

// takeOn is the statement that takes on the session's role, or empty.
func (s Session) takeOn(names Settings) string {
	if role := s.takesOn(names); role != "" {
		return "SET LOCAL ROLE " + query.Name(role) + ";"
	}
	return ""
}

// takesOn is the role that the session takes on after its login, or empty.
func (s Session) takesOn(names Settings) string {
	if s.Role != "" || names.Opening.LoginRole == "" {
		return s.Role
	}
	return cmp.Or(s.base, names.Opening.AppRole)
}

// RoleValue is the value of the setting role in the session. differs says that the platform's
// sessions differ in it.
func (s Session) RoleValue(names Settings) (role string, differs bool) {
	return s.takesOn(names), names.Opening.RoleQuery != ""
}

// Parameters are the session's identity as the parameters of [tenancy.Model.ParameterSQL].
func (s Session) Parameters() [][]byte {
	values := [][]byte{nil, []byte(query.ArrayText(s.Identity.Orgs)), []byte(query.ArrayText(s.Identity.CoMembers))}
	if s.Identity.Person != nil {
		values[0] = []byte(*s.Identity.Person)
	}
	return values
}
