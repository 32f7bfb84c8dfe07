package isolation

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
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
	Settings Settings `yaml:"settings"`
	// Users and Orgs name the tables of tenants.
	Users Tenants `yaml:"users"`
	Orgs  Tenants `yaml:"orgs"`
	// Membership corrects which rows of the membership table make someone a present member.
	Membership Membership `yaml:"membership"`
	// Tables names, corrects or excuses tables by "schema.name".
	Tables map[string]Table `yaml:"tables"`
	// ExcusedFunctions are never called: "schema.name".
	ExcusedFunctions []string `yaml:"excused_functions"`
	// Budget bounds what the check may take from the platform.
	Budget Budget `yaml:"budget"`
}

// Settings are the names of custom settings, such as app.user_id.
type Settings struct {
	// User is set by the platform after it verified who it is.
	User string `yaml:"user"`
	// Org is the workspace that a session acts in; its value is the session's to choose. Empty: the platform has none.
	Org string `yaml:"org"`
}

// Tenants names a table of tenants.
type Tenants struct {
	// Table is "schema.name". Empty: found, public.users and public.orgs first.
	Table string `yaml:"table"`
	// ID is the column that the identity settings carry. Empty: the primary key.
	ID string `yaml:"id"`
}

// Membership corrects the discovery of who is in which Org.
type Membership struct {
	// Table is "schema.name". Empty: found as the table that leads to both users and orgs and is named for members.
	Table string `yaml:"table"`
	// Present is an SQL condition on that table (its alias is m) that holds for present members. Empty: derived from columns
	// such as left_at, status and active.
	Present string `yaml:"present"`
}

// Table is what the operator knows about one table.
type Table struct {
	// User and Org name the columns that say whose a row is.
	User string `yaml:"user"`
	Org  string `yaml:"org"`
	// Parent is the column whose row elsewhere this row goes with, and ParentTable that table ("schema.name").
	Parent      string `yaml:"parent"`
	ParentTable string `yaml:"parent_table"`
	// Platform says that the rows are nobody's.
	Platform bool `yaml:"platform"`
	// SkipWrites excuses the table from write attempts, and Excuse from everything; Excuse is the reason, and is reported.
	SkipWrites bool   `yaml:"skip_writes"`
	Excuse     string `yaml:"excuse"`
}

// Budget bounds connections, rate and time.
type Budget struct {
	// Connections that attempt at once (default: 2). Two more ask for the truth, and a few stand by for sessions in which settings were never
	// set, one of them in use at a time.
	Connections int `yaml:"connections"`
	// ChecksPerSecond is the most tenant-and-table reads started per second (default: 100,000).
	ChecksPerSecond int `yaml:"checks_per_second"`
	// StatementTimeout and LockTimeout hold for every attempt (defaults: 10s and 250ms).
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	LockTimeout      time.Duration `yaml:"lock_timeout"`
	// BlindWriteRows is the largest table, by the server's estimate, on which UPDATE and DELETE without WHERE are attempted
	// (default: 20,000 rows). They are rolled back, but lock what they reach until then.
	BlindWriteRows int `yaml:"blind_write_rows"`
}

// WithDefaults fills in what is not given.
func (b Budget) WithDefaults() Budget {
	b.Connections, b.ChecksPerSecond = cmp.Or(b.Connections, 2), cmp.Or(b.ChecksPerSecond, 100_000)
	b.StatementTimeout, b.LockTimeout = cmp.Or(b.StatementTimeout, 10*time.Second), cmp.Or(b.LockTimeout, 250*time.Millisecond)
	b.BlindWriteRows = cmp.Or(b.BlindWriteRows, 20_000)
	return b
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
