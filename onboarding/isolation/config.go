package isolation

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/claims"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Config says which database to check and how hard. Only DatabaseURL, AppRole, AppDatabaseURL and
// Settings.User are needed; the rest corrects what discovery finds.
type Config struct {
	// DatabaseURL connects to the platform's database as a role that row-level security does not
	// apply to: one with BYPASSRLS that may read every table, is no superuser and no member of
	// AppRole. What tenants see is compared with what it sees.
	DatabaseURL string `yaml:"database_url"`
	// AppRole is the role that the platform's sessions run as.
	AppRole string `yaml:"app_role"`
	// AppDatabaseURL logs in as AppRole. Sessions that attack run nowhere else, since the
	// platform's code that they run could give up a role that was only set. Without it, every
	// check ends with an error.
	AppDatabaseURL string `yaml:"app_database_url"`
	// LoginRole is the role that AppDatabaseURL logs in as where sessions take on AppRole by SET
	// LOCAL ROLE, as behind PostgREST. Empty: it logs in as AppRole.
	LoginRole string `yaml:"login_role"`
	// Sessions says how the platform opens a session, where ids and one role do not say it.
	Sessions Sessions `yaml:"sessions"`
	// Settings names the custom settings that carry a session's identity.
	Settings Settings `yaml:"settings"`
	// Users and Orgs name the tables of tenants.
	Users Tenants `yaml:"users"`
	Orgs  Tenants `yaml:"orgs"`
	// NoOrgs says that no table is one of Orgs, whatever it is called.
	NoOrgs bool `yaml:"no_orgs"`
	// Membership corrects which rows of the membership table make a Person a present member.
	Membership Membership `yaml:"membership"`
	// Tables corrects or excuses tables, by "schema.name".
	Tables map[string]Table `yaml:"tables"`
	// ExcusedFunctions are never called, by "schema.name".
	ExcusedFunctions []string `yaml:"excused_functions"`
	// Unsent are operations, truncate, trigger or listen, for which the app role has rights and
	// which the API in front of the database cannot send.
	Unsent []Operation `yaml:"unsent"`
	// Accept are the risks that are accepted.
	Accept []Acceptance `yaml:"accept"`
	// Budget bounds the load that a check puts on the platform.
	Budget Budget `yaml:"budget"`
}

// Validate returns every problem of the configuration, each by its YAML key.
func (c Config) Validate() error {
	var problems []error
	problem := func(key, what string) { problems = append(problems, fmt.Errorf("%s: %s", key, what)) }
	for _, required := range []struct{ key, value string }{
		{"database_url", c.DatabaseURL}, {"app_role", c.AppRole},
		{"settings.user", cmp.Or(c.identity(), c.Sessions.RoleQuery)},
	} {
		if required.value == "" {
			problem(required.key, "missing")
		}
	}
	for _, url := range []struct{ key, value string }{
		{"database_url", c.DatabaseURL}, {"app_database_url", c.AppDatabaseURL},
	} {
		if _, err := pgx.ParseConfig(url.value); url.value != "" && err != nil {
			problem(url.key, "is not a connection string such as postgres://auditor@db.example.com/platform")
		}
	}
	for _, bound := range []struct {
		key   string
		value int64
	}{
		{"budget.connections", int64(c.Budget.Connections)},
		{"budget.checks_per_second", int64(c.Budget.ChecksPerSecond)},
		{"budget.statement_timeout", int64(c.Budget.StatementTimeout)},
		{"budget.lock_timeout", int64(c.Budget.LockTimeout)},
		{"budget.blind_write_rows", int64(c.Budget.BlindWriteRows)},
	} {
		if bound.value < 0 {
			problem(bound.key, "must not be negative")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tables)) {
		key, table := fmt.Sprintf("tables[%q]", name), c.Tables[name]
		if table.Platform && (table.User != "" || table.Org != "" || table.Parent != "") {
			problem(key, "platform contradicts user, org or parent")
		}
		if table.Platform && table.Public != "" {
			problem(key, "platform contradicts public")
		}
		if table.Platform && table.Readers+table.Writers != "" {
			problem(key, "platform contradicts readers and writers")
		}
		if table.Both && (table.User+table.UserSQL == "" || table.Org+table.OrgSQL == "") {
			problem(key, "both needs user and org, or user_sql and org_sql")
		}
		if derived := table.UserSQL != "" || table.OrgSQL != ""; derived && (table.Platform || table.Parent != "") {
			problem(key, "user_sql and org_sql contradict platform and parent")
		}
		if table.User != "" && table.UserSQL != "" || table.Org != "" && table.OrgSQL != "" {
			problem(key, "user_sql contradicts user, and org_sql contradicts org")
		}
		for _, sql := range []struct {
			key, text string
			check     func(sql string) string
		}{
			{"user_sql", table.UserSQL, tenancy.CheckExpression}, {"org_sql", table.OrgSQL, tenancy.CheckExpression},
			{"readers", table.Readers, tenancy.CheckQuery}, {"writers", table.Writers, tenancy.CheckQuery},
		} {
			if sql.text == "" {
				continue
			}
			if what := sql.check(sql.text); what != "" {
				problem(key+"."+sql.key, what)
			}
		}
		if (table.Parent == "") != (table.ParentTable == "") {
			problem(key, "parent and parent_table go together")
		}
	}
	for i, member := range c.Settings.UserWritten {
		if what := claims.CheckWritten(c.Settings.Templates, member); what != "" {
			problem(fmt.Sprintf("settings.user_written[%d]", i), what)
		}
	}
	if what := tenancy.CheckQuery(c.Membership.Query); c.Membership.Query != "" && what != "" {
		problem("membership.query", what)
	}
	c.checkSessions(problem)
	if c.NoOrgs && c.Orgs.Table != "" {
		problem("no_orgs", "contradicts orgs.table")
	}
	for _, operation := range c.Unsent {
		if !slices.Contains([]Operation{results.Truncate, results.Trigger, results.Listen}, operation) {
			problem("unsent", fmt.Sprintf("%q: want truncate, trigger or listen", operation))
		}
	}
	for i, accepted := range c.Accept {
		found := accepted.Problems()
		for _, key := range slices.Sorted(maps.Keys(found)) {
			problem(fmt.Sprintf("accept[%d].%s", i, key), found[key])
		}
	}
	return errors.Join(problems...)
}

// maxRoles bounds how many roles sessions are tried with.
const maxRoles = 8

// checkSessions reports what is wrong with how the platform opens sessions.
func (c Config) checkSessions(problem func(key, what string)) {
	s := c.Sessions
	if c.LoginRole != "" && c.LoginRole == c.AppRole {
		problem("login_role", "is app_role: leave it out")
	}
	if c.LoginRole == "" && (len(s.Roles) > 0 || s.RoleQuery != "") {
		problem("sessions", "roles and role_query need login_role: the role that app_database_url logs in as")
	}
	if len(s.Roles) > maxRoles {
		problem("sessions.roles", fmt.Sprintf("has more than %d roles", maxRoles))
	}
	for i, role := range s.Roles {
		if role == "" || role == c.AppRole || role == c.LoginRole {
			problem(fmt.Sprintf("sessions.roles[%d]", i), "want a role other than app_role and login_role")
		}
	}
	for _, sql := range []struct{ key, text string }{{"user_query", s.UserQuery}, {"role_query", s.RoleQuery}} {
		if sql.text == "" {
			continue
		}
		if what := tenancy.CheckQuery(sql.text); what != "" {
			problem("sessions."+sql.key, what)
		}
	}
}

// identity is a setting that carries who somebody is, or empty.
func (c Config) identity() string {
	if names := c.Settings.Names(); len(names) > 0 {
		return names[0]
	}
	return ""
}

// checks is the part of the configuration that checks need.
func (c Config) checks(deep bool) setup.Config {
	settings := c.Settings
	settings.Opening = c.Sessions
	settings.Opening.LoginRole, settings.Opening.AppRole = c.LoginRole, c.AppRole
	return setup.Config{
		AppRole: c.AppRole, Settings: settings, ExcusedFunctions: c.ExcusedFunctions, Budget: c.Budget,
		Tenancy: c.tenancy(), Deep: deep, Unsent: c.Unsent,
	}
}
