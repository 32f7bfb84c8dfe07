package platform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxName is NAMEDATALEN - 1: PostgreSQL cuts longer names off.
const maxName = 63

// plainName needs no quotes unless it is reserved:
// https://www.postgresql.org/docs/current/sql-syntax-lexical.html.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// reserved are the key words that PostgreSQL 17 does not take for a column or table
// (SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')).
var reserved = strings.Fields(`
	all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
	collation column concurrently constraint create cross current_catalog current_date current_role
	current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
	except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
	is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
	only or order outer overlaps placing primary references returning right select session_user similar some
	symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when
	where window with`)

// column writes a column's name as SQL. Names that need no quotes get none, so that approvers read
// the runbook's own statements.
func column(name string) string {
	if plainName.MatchString(name) && !slices.Contains(reserved, name) {
		return name
	}
	return pgx.Identifier{name}.Sanitize()
}

// table writes a table's name, "name" or "schema.name", as SQL.
func table(name string) string {
	if schema, rest, ok := strings.Cut(name, "."); ok {
		return column(schema) + "." + column(rest)
	}
	return column(name)
}

// tables are those of tenants, with every name as SQL.
type tables struct {
	Users   UsersTable
	Orgs    OrgsTable
	Members MembersTable
}

func quote(c Config) tables {
	users, orgs, members := c.Users, c.Orgs, c.Members
	users.Table, orgs.Table, members.Table = table(users.Table), table(orgs.Table), table(members.Table)
	for _, name := range []*string{
		&users.ID, &users.Slug, &users.Email, &users.DisplayName, &users.CreatedAt,
		&orgs.ID, &orgs.Slug, &orgs.Name, &orgs.Owner, &orgs.CreatedAt,
		&members.Org, &members.User, &members.Role, &members.CreatedAt,
	} {
		*name = column(*name)
	}
	return tables{users, orgs, members}
}

// checkName returns what is wrong with a name, empty if nothing is.
func checkName(name string, isTable bool) string {
	parts := []string{name}
	if isTable {
		parts = strings.SplitN(name, ".", 2)
	}
	for _, part := range parts {
		if part == "" || len(part) > maxName || strings.ContainsRune(part, 0) {
			return fmt.Sprintf("%q is not a name of at most %d bytes", name, maxName)
		}
	}
	return ""
}
