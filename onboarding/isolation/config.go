package isolation

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/checks"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Config says which database to check and how hard. Only DatabaseURL, AppRole and Settings.User are needed; the rest corrects
// what discovery would otherwise find by itself.
type Config struct {
	// DatabaseURL reaches the platform's database with a role that row-level security does not apply to (a superuser, or
	// BYPASSRLS and a member of AppRole): what it sees is the truth that attempts are held against.
	DatabaseURL string `yaml:"database_url"`
	// AppRole is the role that the platform's sessions run as.
	AppRole string `yaml:"app_role"`
	// AppDatabaseURL logs in as AppRole. Empty: the checker takes the role on over DatabaseURL.
	AppDatabaseURL string `yaml:"app_database_url"`
	// Settings names the custom settings that carry a session's identity.
	Settings session.Settings `yaml:"settings"`
	// Users and Orgs name the tables of tenants.
	Users tenancy.TenantTable `yaml:"users"`
	Orgs  tenancy.TenantTable `yaml:"orgs"`
	// Membership corrects which rows of the membership table make someone a present member.
	Membership tenancy.Membership `yaml:"membership"`
	// Tables names, corrects or excuses tables by "schema.name".
	Tables map[string]tenancy.Table `yaml:"tables"`
	// ExcusedFunctions are never called: "schema.name".
	ExcusedFunctions []string `yaml:"excused_functions"`
	// Budget bounds what the check may take from the platform.
	Budget session.Budget `yaml:"budget"`
}

func (c Config) withDefaults() Config {
	c.Budget = c.Budget.WithDefaults()
	return c
}

// Validate reports every problem of the configuration, each by its YAML key.
func (c Config) Validate() error {
	var problems []error
	missing := func(key, value string) {
		if value == "" {
			problems = append(problems, fmt.Errorf("%s: missing", key))
		}
	}
	missing("database_url", c.DatabaseURL)
	connects := func(key, url string) {
		if _, err := pgx.ParseConfig(url); url != "" && err != nil {
			problems = append(problems, fmt.Errorf("%s: is not a connection string such as postgres://auditor@db.example.com/platform", key))
		}
	}
	connects("database_url", c.DatabaseURL)
	connects("app_database_url", c.AppDatabaseURL)
	missing("app_role", c.AppRole)
	missing("settings.user", c.Settings.User)
	negative := func(key string, value int64) {
		if value < 0 {
			problems = append(problems, fmt.Errorf("%s: must not be negative", key))
		}
	}
	negative("budget.connections", int64(c.Budget.Connections))
	negative("budget.checks_per_second", int64(c.Budget.ChecksPerSecond))
	negative("budget.statement_timeout", int64(c.Budget.StatementTimeout))
	negative("budget.lock_timeout", int64(c.Budget.LockTimeout))
	negative("budget.blind_write_rows", int64(c.Budget.BlindWriteRows))
	for name, table := range c.Tables {
		if table.Platform && (table.User != "" || table.Org != "" || table.Parent != "") {
			problems = append(problems, fmt.Errorf("tables[%q]: platform contradicts user, org or parent", name))
		}
		if (table.Parent == "") != (table.ParentTable == "") {
			problems = append(problems, fmt.Errorf("tables[%q]: parent and parent_table go together", name))
		}
	}
	return errors.Join(problems...)
}

func (c Config) checks() checks.Config {
	return checks.Config{AppRole: c.AppRole, Settings: c.Settings, ExcusedFunctions: c.ExcusedFunctions, Budget: c.Budget,
		Tenancy: tenancy.Config{Users: c.Users, Orgs: c.Orgs, Membership: c.Membership, Tables: c.Tables}}
}
