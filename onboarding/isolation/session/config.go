package session

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/claims"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Settings are the names of the custom settings that carry a session's identity, such as
// app.user_id.
type Settings struct {
	// User is set by the platform after it verified who somebody is. Empty: templates say it.
	User string `yaml:"user"`
	// Org is the workspace that a session acts in. The session chooses its value. Empty: the
	// platform has none, or templates say it.
	Org string `yaml:"org"`
	// OrgVerified says that the platform verified that the Person belongs to the Org, so no
	// session can choose another.
	OrgVerified bool `yaml:"org_verified"`
	// Templates are further settings that carry the identity, by name: text in which {user} and
	// {org} stand for the ids, such as {"sub": "{user}", "role": "authenticated"}.
	Templates map[string]string `yaml:"templates"`
	// UserWritten are members of the templates' JSON documents that users write themselves, though
	// the platform verified the document. nil: user_metadata, as Supabase and Auth0 name it.
	UserWritten []string `yaml:"user_written"`
	// Opening says how the platform opens a session.
	Opening Opening `yaml:"-"`

	// Unset are further settings of the identity, which no session of a check sets.
	Unset []string `yaml:"-"`
}

// userWritten are the members of a setting's document that users write themselves.
func (s Settings) userWritten(name string) []string {
	if template, ok := s.Templates[name]; !ok || !claims.IsObject(template) {
		return nil
	}
	if s.UserWritten == nil {
		return []string{"user_metadata"}
	}
	return s.UserWritten
}

// Allows reports whether the platform can open a session at all: with OrgVerified, none that
// claims an Org.
func (s Settings) Allows(opened Session) bool {
	claims := opened.Kind.Claims() || opened.Kind == Anonymous && opened.Org != nil && *opened.Org != ""
	return !s.OrgVerified || !claims
}

// HasOrg reports whether a setting says in which Org a session acts.
func (s Settings) HasOrg() bool {
	for _, template := range s.Templates {
		if strings.Contains(template, claims.Org) {
			return true
		}
	}
	return s.Org != ""
}

// Values are the settings of an identity. nil leaves one unset, and templates if both are nil.
func (s Settings) Values(user, org *string) []Setting {
	var values []Setting
	if s.User != "" && user != nil {
		values = append(values, Setting{Name: s.User, Value: *user})
	}
	if s.Org != "" && org != nil {
		values = append(values, Setting{Name: s.Org, Value: *org})
	}
	if user == nil && org == nil {
		return values
	}
	text := func(id *string) string {
		if id == nil {
			return ""
		}
		return *id
	}
	for _, name := range slices.Sorted(maps.Keys(s.Templates)) {
		values = append(values, Setting{Name: name, Value: claims.Fill(s.Templates[name], text(user), text(org))})
	}
	return values
}

// noUser is what UserSQL is where no setting holds the id of the Person.
const noUser = "NULL::text"

// UserSQL is an expression for the id of the session's Person as text, or NULL. Templates come
// first: User has a default, which such a platform need not set.
func (s Settings) UserSQL() string {
	for _, name := range slices.Sorted(maps.Keys(s.Templates)) {
		path, ok := claims.Path(s.Templates[name], claims.User)
		if !ok {
			continue
		}
		if len(path) == 0 {
			return settingSQL(name)
		}
		return fmt.Sprintf("(%s::jsonb #>> %s)", settingSQL(name), query.Array(path))
	}
	if s.User != "" {
		return settingSQL(s.User)
	}
	return noUser
}

// TellsUser reports whether UserSQL tells a session's Person.
func (s Settings) TellsUser() bool { return s.Opening.UserQuery == "" && s.UserSQL() != noUser }

// settingSQL is an expression for the value of a setting, or NULL where it is empty or unset.
func settingSQL(name string) string {
	return fmt.Sprintf("nullif(current_setting(%s, true), '')", query.Literal(name))
}

// Names are the names of the settings.
func (s Settings) Names() []string {
	var names []string
	for _, value := range s.Values(new(""), new("")) {
		names = append(names, value.Name)
	}
	return names
}

// tokenSettings begins the names of the settings in which PostgREST passes the claims of a token
// on that it verified: request.jwt.claims and, in versions before 9, request.jwt.claim.NAME.
const tokenSettings = "request.jwt.claim"

// IsIdentity reports whether a setting carries the identity. Whoever takes it from the claims of a
// token may read the token in its older settings, too, and no session chooses these.
func (s Settings) IsIdentity(name string) bool {
	names := append(s.Names(), s.Unset...)
	return slices.Contains(names, name) || strings.HasPrefix(name, tokenSettings) &&
		slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, tokenSettings) })
}

// Budget bounds the connections, the rate and the time of a check.
type Budget struct {
	// Connections that attempt at once (default: 2). Two more ask for the truth. A few stand by
	// for sessions in which settings were never set, one of them in use at a time.
	Connections int `yaml:"connections"`
	// ChecksPerSecond is the most reads of one table as one tenant that start in a second
	// (default: 100,000).
	ChecksPerSecond int `yaml:"checks_per_second"`
	// StatementTimeout and LockTimeout hold for every attempt (defaults: 10s and 250ms).
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	LockTimeout      time.Duration `yaml:"lock_timeout"`
	// BlindWriteRows is the largest number of rows of a table on which UPDATE and DELETE without
	// WHERE are attempted (default: 20,000). They are rolled back, but lock what they reach
	// until then.
	BlindWriteRows int `yaml:"blind_write_rows"`
}

// WithDefaults fills in what is not given.
func (b Budget) WithDefaults() Budget {
	b.Connections = cmp.Or(b.Connections, 2)
	b.ChecksPerSecond = cmp.Or(b.ChecksPerSecond, 100_000)
	b.StatementTimeout = cmp.Or(b.StatementTimeout, 10*time.Second)
	b.LockTimeout = cmp.Or(b.LockTimeout, 250*time.Millisecond)
	b.BlindWriteRows = cmp.Or(b.BlindWriteRows, 20_000)
	return b
}
