package tenancy

// Config corrects what discovery would find by itself.
type Config struct {
	Users, Orgs TenantsConfig
	NoOrgs      bool // whatever a table is called
	Membership  MembershipConfig
	Tables      map[string]TableConfig // by "schema.name"

	alone bool // Orgs are all the tenants there are
}

// TenantsConfig names a table of tenants.
type TenantsConfig struct {
	// Table is "schema.name". Empty: discovered, public.users and public.orgs first.
	Table string `yaml:"table"`
	// ID is the column whose value the identity settings hold. Empty: the primary key.
	ID string `yaml:"id"`
}

// MembershipConfig corrects which Persons are in which Org.
type MembershipConfig struct {
	// Table is "schema.name". Empty: discovered as the table that refers to both users and orgs
	// and whose name speaks of members.
	Table string `yaml:"table"`
	// Present is an SQL condition on that table, under the alias m, that holds for present
	// members. Empty: derived from columns such as left_at, status and active.
	Present string `yaml:"present"`
	// Query returns further pairs of a Person's id and the id of an Org that they are in, as where
	// members of a holding are in each of its subsidiaries. Only the role that row-level security
	// does not apply to runs it, with search_path pg_catalog.
	Query string `yaml:"query"`
}

// TableConfig is what the operator knows about one table.
type TableConfig struct {
	// User and Org name the columns that say whose a row is.
	User string `yaml:"user"`
	Org  string `yaml:"org"`
	// Both says that a row is its User's and its Org's alike, as an order is the customer's and
	// the shop's. Otherwise the Org owns what has one, and the Person is its author.
	Both bool `yaml:"both"`
	// UserSQL and OrgSQL are SQL expressions for the id of the Person or the Org whose a row is,
	// or NULL, on the columns of the row r. Only the role that row-level security does not apply
	// to evaluates them, with search_path pg_catalog. One of them may stand beside the other's
	// column.
	UserSQL string `yaml:"user_sql"`
	OrgSQL  string `yaml:"org_sql"`
	// Parent is the column that refers to the row that a row goes with, and ParentTable
	// ("schema.name") the table of that row.
	Parent      string `yaml:"parent"`
	ParentTable string `yaml:"parent_table"`
	// Public is an SQL condition on the columns of the row r. Every session may read the rows for
	// which it holds; who may write them does not change, nor whose they are.
	Public string `yaml:"public"`
	// Readers and Writers are SQL queries for rows that are shared with single Persons, as pairs
	// of the row's key and the Person's id: SELECT note_id, user_id FROM public.note_shares.
	// Readers may read the row and those that have it as their parent; Writers may also change and
	// delete them. Only the role that row-level security does not apply to runs them, with
	// search_path pg_catalog.
	Readers string `yaml:"readers"`
	Writers string `yaml:"writers"`
	// Secret names columns whose values no attacker knows, such as the token of an invitation.
	// Calls, settings and rows of attackers do not use what victims' rows hold there.
	Secret []string `yaml:"secret"`
	// Platform says that no row belongs to a tenant.
	Platform bool `yaml:"platform"`
	// SkipWrites excludes the table from write attempts.
	SkipWrites bool `yaml:"skip_writes"`
	// Excuse excludes the table from the whole check. It is the reason, which the report
	// repeats.
	Excuse string `yaml:"excuse"`
}

// Excused reports whether the configuration excludes a table from the whole check.
func (c Config) Excused(table string) bool { return c.Tables[table].Excuse != "" }

// WritesExcluded reports whether the configuration excludes a table from write attempts.
func (c Config) WritesExcluded(table string) bool {
	return c.Tables[table].SkipWrites || c.Tables[table].Excuse != ""
}
