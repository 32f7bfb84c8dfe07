package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Opening says how the platform opens a session, where ids and one role do not say it. Its queries
// run as the role that row-level security does not apply to, with search_path pg_catalog.
type Opening struct {
	// Roles are further roles that sessions take on, such as that of visitors.
	Roles []string `yaml:"roles"`
	// UserQuery is a query for what the setting of the Person holds instead of the id person.id,
	// such as a token. The platform opens no session for a Person for whom it returns none.
	UserQuery string `yaml:"user_query"`
	// RoleQuery is a query for the role of a session of the Person person.id. org.id is the Org of
	// theirs that the session acts in, or NULL. The platform opens no session where it returns
	// none.
	RoleQuery string `yaml:"role_query"`

	// LoginRole is what sessions log in as, before they take on AppRole or another role by SET
	// LOCAL ROLE. Empty: they log in as AppRole.
	LoginRole string `yaml:"-"`
	AppRole   string `yaml:"-"`

	// OrgsAlone says that each Org takes the place of a Person, so person.id is org.id.
	OrgsAlone bool `yaml:"-"`
}

// scalar is the first value that a query of the configuration returns, beside what its names stand
// for.
func scalar(sql, names string) string {
	return fmt.Sprintf("(SELECT (SELECT v::text FROM (%s) q(v) LIMIT 1) FROM %s)", sql, names)
}

// userSQL is what the setting of a Person holds, by an expression for their id. It is NULL where
// the platform opens no session.
func (o Opening) userSQL(person string) string {
	if o.UserQuery == "" {
		return person + "::text"
	}
	names := "(SELECT " + person + " AS id) person"
	if o.OrgsAlone {
		names += ", (SELECT " + person + " AS id) org"
	}
	return scalar(o.UserQuery, names)
}

// roleSQL is the role of a session, by expressions for its Person and for the Org of theirs that
// it acts in. It is NULL where that is no role to which policies apply and which has the rights of
// the app role.
func (o Opening) roleSQL(person, org string) string {
	if o.RoleQuery == "" {
		return "''"
	}
	return fmt.Sprintf("(SELECT rolname::text FROM pg_roles WHERE rolname = %s AND NOT rolsuper AND NOT rolbypassrls "+
		"AND pg_has_role(oid, %s::name, 'USAGE'))", o.anyRoleSQL(person, org), query.Literal(o.AppRole))
}

func (o Opening) anyRoleSQL(person, org string) string {
	if o.OrgsAlone {
		org = person
	}
	return scalar(o.RoleQuery, fmt.Sprintf("(SELECT %s AS id) person, (SELECT %s AS id) org", person, org))
}

// varies reports whether the platform may open no session for a Person.
func (o Opening) varies() bool { return o.UserQuery != "" || o.RoleQuery != "" }

// Opens is the condition that the platform opens sessions for a Person, by a qualified expression
// for their id: without an Org, or in one of theirs.
func (l *Lister) Opens(person string) string {
	return l.opens(person, l.someRoleSQL(person))
}

// OpensIn is the condition that the platform opens sessions for a Person in an Org of theirs, by
// qualified expressions for both ids.
func (l *Lister) OpensIn(person, org string) string {
	return l.opens(person, l.Settings.Opening.roleSQL(person, org))
}

func (l *Lister) opens(person, role string) string {
	o := l.Settings.Opening
	if !o.varies() {
		return "true"
	}
	return fmt.Sprintf("(%s IS NOT NULL AND %s IS NOT NULL)", o.userSQL(person), role)
}

// someRoleSQL is the role of a Person's session without an Org or, where there is none, in the
// first Org of theirs in which they have one.
func (l *Lister) someRoleSQL(person string) string {
	o := l.Settings.Opening
	without := o.roleSQL(person, l.noOrg())
	if !l.rolesByOrg() {
		return without
	}
	return fmt.Sprintf("coalesce(%s, (SELECT acting.role FROM (SELECT own.org, %s AS role FROM (%s) own WHERE "+
		"own.person = %s AND own.present) acting WHERE acting.role IS NOT NULL ORDER BY acting.org LIMIT 1))",
		without, o.roleSQL("own.person", "own.org"), l.Model.MembersSQL(), person)
}

// rolesByOrg reports whether the role of a session may depend on the Org that it acts in.
func (l *Lister) rolesByOrg() bool { return l.Settings.Opening.RoleQuery != "" && l.Model.HasOrgs() }

// noOrg is NULL as the id of an Org.
func (l *Lister) noOrg() string { return "NULL::" + l.Model.Orgs.Type }

// In returns the session when it acts in an Org.
func (l *Lister) In(ctx context.Context, s Session, org string) (Session, error) {
	s.Org = &org
	o := l.Settings.Opening
	if o.RoleQuery == "" || s.Identity.Person == nil || !slices.Contains(s.Identity.Orgs, org) {
		return s, nil
	}
	sql := o.roleSQL(l.Model.PersonLiteral(*s.Identity.Person), query.Literal(org)+"::"+l.Model.Orgs.Type)
	err := l.Truth.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(%s, %s)", sql, query.Literal(s.base))).Scan(&s.base)
	return s, err
}

// maxRoles bounds how many roles of tenants are looked at.
const maxRoles = 2000

// TenantRoles returns the roles that the query of the configuration names for Persons and members
// of Orgs, whatever they are. It evaluates the queries once, so what the server refuses is an
// error.
func (l *Lister) TenantRoles(ctx context.Context) ([]string, error) {
	o, m := l.Settings.Opening, l.Model
	if o.UserQuery != "" {
		sql := fmt.Sprintf("SELECT %s FROM %s u LIMIT 1", o.userSQL(query.Column("u", m.Users.ID)), m.Users.Table.SQL())
		if _, err := query.Strings(ctx, l.Truth, sql); err != nil {
			return nil, fmt.Errorf("sessions.user_query: %w", err)
		}
	}
	if o.RoleQuery == "" {
		return nil, nil
	}
	person := query.Column("u", m.Users.ID)
	roles, err := query.Strings(ctx, l.Truth, fmt.Sprintf(
		"(SELECT DISTINCT %s FROM %s u LIMIT %d) UNION (SELECT DISTINCT %s FROM (%s) mem WHERE present LIMIT %[3]d) "+
			"ORDER BY 1",
		o.anyRoleSQL(person, l.noOrg()), m.Users.Table.SQL(), maxRoles, o.anyRoleSQL("mem.person", "mem.org"),
		m.MembersSQL()))
	if err != nil {
		return nil, fmt.Errorf("sessions.role_query: %w", err)
	}
	return roles, nil
}
