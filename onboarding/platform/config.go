package platform

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/claims"
	"github.com/atlilith/onboardbot/internal/secret"
)

// Config says where the platform's database is and how it names things. The defaults are the
// runbook's names.
type Config struct {
	// DatabaseURL reaches the authoritative host, as a role that may read tenants, insert into
	// Users, Orgs and Members, and take on AppRole. Required.
	DatabaseURL secret.String `yaml:"database_url"`
	// AppRole is the role that the platform's sessions run as. Required.
	AppRole string `yaml:"app_role"`
	// AppDatabaseURL logs in as AppRole. Default: the role is taken on over DatabaseURL with SET
	// LOCAL ROLE.
	AppDatabaseURL secret.String `yaml:"app_database_url"`
	// LoginRole is the role that AppDatabaseURL logs in as where sessions take on AppRole by SET
	// LOCAL ROLE, as behind PostgREST. Empty: it logs in as AppRole.
	LoginRole string `yaml:"login_role"`
	// Settings name the custom settings that carry a session's identity.
	Settings Settings `yaml:"settings"`
	// Identity tells the authoritative host from any other.
	Identity IdentityQuery `yaml:"identity"`
	// Users, Orgs and Members name the tables of tenants.
	Users   UsersTable   `yaml:"users"`
	Orgs    OrgsTable    `yaml:"orgs"`
	Members MembersTable `yaml:"members"`
	// Rows are what a tenant's life leaves in the database, one of each for a test. Default: a
	// booking, an inbox message and an analytics event.
	Rows []RowKind `yaml:"rows"`
	// Switcher is the context switcher's query: given an Org's id as $1, it lists the people in
	// it, their id or slug in the first column. It runs as the application, with the identity of
	// the Org's owner. Default: the user ids in Members.
	Switcher string `yaml:"switcher"`
	// Timeout bounds one statement. Default: 10s.
	Timeout time.Duration `yaml:"timeout"`
}

// Settings are names of custom settings, such as app.user_id.
type Settings struct {
	// User says whom the platform has verified the session to be. Default: app.user_id.
	User string `yaml:"user"`
	// Org says in which Org the session acts. Default: app.org_id.
	Org string `yaml:"org"`
	// OrgVerified says that the platform verified that the Person belongs to the Org, so no
	// session can choose another.
	OrgVerified bool `yaml:"org_verified"`
	// Templates are further settings that carry the identity, by name: text in which {user} and
	// {org} stand for the ids. In a JSON document, members whose id is empty are left out.
	Templates map[string]string `yaml:"templates"`
	// UserWritten are members of the templates' JSON documents that users write themselves. Only
	// the check of isolation needs to know. Default: user_metadata.
	UserWritten []string `yaml:"user_written"`
}

// IdentityQuery is a question that only the authoritative host answers in one way.
type IdentityQuery struct {
	// Query returns one text, such as SELECT current_setting('cluster_name').
	Query string `yaml:"query"`
	// Value is what it returns there.
	Value string `yaml:"value"`
}

// UsersTable names the table of Persons and its columns. Table is "name" or "schema.name".
type UsersTable struct {
	Table       string `yaml:"table"`
	ID          string `yaml:"id"`
	Slug        string `yaml:"slug"`
	Email       string `yaml:"email"`
	DisplayName string `yaml:"display_name"`
	CreatedAt   string `yaml:"created_at"`
}

// OrgsTable names the table of Orgs and its columns.
type OrgsTable struct {
	Table     string `yaml:"table"`
	ID        string `yaml:"id"`
	Slug      string `yaml:"slug"`
	Name      string `yaml:"name"`
	Owner     string `yaml:"owner"`
	CreatedAt string `yaml:"created_at"`
}

// MembersTable names the table of who is in which Org, its columns, and the two roles that
// onboarding gives.
type MembersTable struct {
	Table      string `yaml:"table"`
	Org        string `yaml:"org"`
	User       string `yaml:"user"`
	Role       string `yaml:"role"`
	CreatedAt  string `yaml:"created_at"`
	OwnerRole  string `yaml:"owner_role"`
	MemberRole string `yaml:"member_role"`
}

// RowKind is one kind of row that belongs to tenants, and how to make one.
type RowKind struct {
	// Name is what people call one, such as booking.
	Name  string `yaml:"name"`
	Table string `yaml:"table"`
	// ID, User, Org and CreatedAt name the columns. Defaults: id, user_id, org_id, created_at.
	ID        string `yaml:"id"`
	User      string `yaml:"user"`
	Org       string `yaml:"org"`
	CreatedAt string `yaml:"created_at"`
	// Values are what the other columns get, in PostgreSQL's text form; bound, never spliced.
	Values map[string]string `yaml:"values"`
}

// Defaults fills what is not set.
func (c *Config) Defaults() {
	set := func(field *string, otherwise string) { *field = cmp.Or(*field, otherwise) }
	set(&c.Settings.User, "app.user_id")
	set(&c.Settings.Org, "app.org_id")
	set(&c.Users.Table, "users")
	set(&c.Users.ID, "id")
	set(&c.Users.Slug, "slug")
	set(&c.Users.Email, "email")
	set(&c.Users.DisplayName, "display_name")
	set(&c.Users.CreatedAt, "created_at")
	set(&c.Orgs.Table, "orgs")
	set(&c.Orgs.ID, "id")
	set(&c.Orgs.Slug, "slug")
	set(&c.Orgs.Name, "name")
	set(&c.Orgs.Owner, "owner_id")
	set(&c.Orgs.CreatedAt, "created_at")
	set(&c.Members.Table, "org_members")
	set(&c.Members.Org, "org_id")
	set(&c.Members.User, "user_id")
	set(&c.Members.Role, "role")
	set(&c.Members.CreatedAt, "created_at")
	set(&c.Members.OwnerRole, "owner")
	set(&c.Members.MemberRole, "member")
	if c.Rows == nil {
		c.Rows = []RowKind{
			{Name: "booking", Table: "bookings",
				Values: map[string]string{"client": "onboardbot check", "starts_at": "tomorrow"}},
			{Name: "inbox message", Table: "inbox_messages",
				Values: map[string]string{"sender": "check@onboardbot.invalid", "body": "onboardbot check"}},
			{Name: "analytics event", Table: "analytics_events",
				Values: map[string]string{"name": "onboardbot_check"}},
		}
	}
	for i := range c.Rows {
		row := &c.Rows[i]
		set(&row.ID, "id")
		set(&row.User, "user_id")
		set(&row.Org, "org_id")
		set(&row.CreatedAt, "created_at")
	}
	set(&c.Switcher, fmt.Sprintf("SELECT %s::text FROM %s WHERE %s = $1",
		column(c.Members.User), table(c.Members.Table), column(c.Members.Org)))
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
}

// Validate reports every invalid value, each with its key. No message shows a connection
// string.
func (c *Config) Validate() error {
	var problems []error
	complain := func(key, what string) {
		if what != "" {
			problems = append(problems, fmt.Errorf("%s: %s", key, what))
		}
	}
	if c.DatabaseURL.IsZero() {
		complain("database_url", "is missing: the connection string of the platform's authoritative database")
	}
	for key, url := range map[string]secret.String{
		"database_url": c.DatabaseURL, "app_database_url": c.AppDatabaseURL,
	} {
		if _, err := pgxpool.ParseConfig(url.Reveal()); err != nil && !url.IsZero() {
			complain(key, "is not a connection string such as postgres://onboarder@db.example.com/platform")
		}
	}
	if c.AppRole == "" {
		complain("app_role", "is missing: the role that the platform's sessions run as")
	}
	for key, setting := range map[string]string{"settings.user": c.Settings.User, "settings.org": c.Settings.Org} {
		if !strings.Contains(setting, ".") {
			complain(key, fmt.Sprintf("%q is not a custom setting: these have a dot, such as app.user_id", setting))
		}
	}
	for i, member := range c.Settings.UserWritten {
		complain(fmt.Sprintf("settings.user_written[%d]", i), claims.CheckWritten(c.Settings.Templates, member))
	}
	if (c.Identity.Query == "") != (c.Identity.Value == "") {
		complain("identity", "query and value go together")
	}
	if c.Timeout < 0 {
		complain("timeout", "cannot be negative")
	}
	for _, name := range c.names() {
		complain(name.key, checkName(name.value, name.table))
	}
	for i, row := range c.Rows {
		if row.Name == "" {
			complain(fmt.Sprintf("rows[%d].name", i), "is missing")
		}
	}
	return errors.Join(problems...)
}

// named is one name of the platform's schema with its key in the configuration.
type named struct {
	key, value string
	table      bool
}

func (c *Config) names() []named {
	users, orgs, members := c.Users, c.Orgs, c.Members
	names := []named{
		{"users.table", users.Table, true},
		{"users.id", users.ID, false},
		{"users.slug", users.Slug, false},
		{"users.email", users.Email, false},
		{"users.display_name", users.DisplayName, false},
		{"users.created_at", users.CreatedAt, false},
		{"orgs.table", orgs.Table, true},
		{"orgs.id", orgs.ID, false},
		{"orgs.slug", orgs.Slug, false},
		{"orgs.name", orgs.Name, false},
		{"orgs.owner", orgs.Owner, false},
		{"orgs.created_at", orgs.CreatedAt, false},
		{"members.table", members.Table, true},
		{"members.org", members.Org, false},
		{"members.user", members.User, false},
		{"members.role", members.Role, false},
		{"members.created_at", members.CreatedAt, false},
	}
	for i, row := range c.Rows {
		key := fmt.Sprintf("rows[%d].", i)
		names = append(names, named{key + "table", row.Table, true}, named{key + "id", row.ID, false},
			named{key + "user", row.User, false},
			named{key + "org", row.Org, false}, named{key + "created_at", row.CreatedAt, false})
		for column := range row.Values {
			names = append(names, named{key + "values." + column, column, false})
		}
	}
	return names
}
