package session

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// kind is the sort of session, without its IDs.
func (s Session) Kind() string {
	switch {
	case s.Person == nil:
		return "nobody"
	case strings.Contains(s.Label, "which they left"):
		return "former members"
	case strings.Contains(s.Label, "claiming foreign"):
		return "strangers claiming the Org"
	case strings.Contains(s.Label, "acting in"):
		return "members acting in an Org"
	}
	return "Persons"
}

// owns reports whether an owner is the session's own tenant.
func (s Session) Owns(owner string) bool {
	v := tenancy.TenantOf(owner)
	return v.Person != "" && s.Person != nil && *s.Person == v.Person || v.Org != "" && slices.Contains(s.Orgs, v.Org)
}

// claims reports whether a session acts in an Org that its Person is no member of.
func (s Session) Claims() bool {
	return strings.Contains(s.Label, "claiming foreign") || strings.Contains(s.Label, "which they left")
}

// session is an attacker: who they are, what the settings say, and to whom they really belong.
type Session struct {
	Label string
	// Values of the settings; nil leaves one unset, which on a fresh connection differs from empty.
	User, Org *string
	Extra     []Setting // other custom settings, which are anybody's to choose
	Role      string    // taken on with SET ROLE; empty: the app role itself
	// The truth about them.
	Person          *string
	Orgs, CoMembers []string
}

type Setting struct{ Name, Value string }

func (s Session) setRole() string {
	if s.Role == "" {
		return ""
	}
	return "; SET LOCAL ROLE " + pgx.Identifier{s.Role}.Sanitize()
}

// enter renders the statements that make a transaction this session's.
func (s Session) Enter(names Settings) string {
	var sql strings.Builder
	set := func(name string, value *string) {
		if name != "" && value != nil {
			fmt.Fprintf(&sql, "SELECT set_config(%s, %s, true);", query.Literal(name), query.Literal(*value))
		}
	}
	set(names.User, s.User)
	set(names.Org, s.Org)
	for _, e := range s.Extra {
		set(e.Name, &e.Value)
	}
	if s.Role != "" {
		fmt.Fprintf(&sql, "SET LOCAL ROLE %s;", pgx.Identifier{s.Role}.Sanitize())
	}
	return sql.String()
}

// virgin reports whether the session must run where no identity was ever set.
func (s Session) NeedsFreshConnection() bool { return s.User == nil || s.Org == nil }
