package tenancy

// Tenants names a table of tenants.
type TenantTable struct {
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

// tenancyConfig corrects the discovery of whose rows are whose.
type Config struct {
	Users, Orgs TenantTable
	Membership  Membership
	Tables      map[string]Table
}
