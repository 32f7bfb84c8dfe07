package session

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// pageSize is how many tenants are listed at once.
const pageSize = 1000

// Lister lists the sessions of the platform's tenants.
type Lister struct {
	Model *tenancy.Model
	Truth query.Querier
	// Only is the id of the single tenant whose sessions are listed, or those that claim it.
	// Empty: all.
	Only     string
	Settings Settings
}

// Tenants counts the tenants that a listing went through.
type Tenants struct {
	Persons, Orgs int
	// Closed is how many of the Persons the platform opens no session for.
	Closed int
}

// listed is a row of a list: a Person, or an Org without a session of its own.
type listed struct {
	kind        Kind
	person, org *string
	identity    tenancy.Identity
	// user is what the setting of the Person holds, and role the role of the session. Either is
	// nil where the platform opens no session.
	user, role *string
	// opensAny says that the platform opens a session for the Person, without an Org or in one of
	// theirs.
	opensAny bool
}

// opens reports whether the platform opens the session.
func (l listed) opens() bool { return l.person != nil && l.user != nil && l.role != nil }

// orgOnly is the kind of the row that only counts an Org.
const orgOnly Kind = "org"

// session is the row as a session.
func (l listed) session() Session {
	person := *l.person
	s := Session{Kind: l.kind, User: l.user, Org: new(""), Identity: l.identity, base: *l.role}
	s.Identity.Person = &person
	if l.kind != Person {
		s.Org = l.org
	}
	switch l.kind {
	case Person:
		s.Label = "Person " + person
	case Member:
		s.Label = fmt.Sprintf("Person %s acting in their Org %s", person, *l.org)
	case Former:
		s.Label = fmt.Sprintf("Person %s claiming Org %s, which they left", person, *l.org)
	case Rival:
		s.Label = fmt.Sprintf("Person %s, a member elsewhere, claiming foreign Org %s", person, *l.org)
	case Stranger:
		s.Label = fmt.Sprintf("Person %s claiming foreign Org %s", person, *l.org)
	}
	return s
}

// read calls each for every row of a list.
func (l *Lister) read(ctx context.Context, each func(listed) error, sql string, args ...any) error {
	rows, err := l.Truth.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var row listed
	into := []any{&row.kind, &row.person, &row.org, &row.identity.Orgs, &row.identity.CoMembers, &row.user, &row.role,
		&row.opensAny}
	_, err = pgx.ForEachRow(rows, into, func() error {
		err := each(row)
		row = listed{}
		return err
	})
	return err
}

// All lists every tenant's sessions in order and yields them a page at a time.
func (l *Lister) All(ctx context.Context, yield func([]Session) error) (Tenants, error) {
	var seen Tenants
	last := func(row listed) string { return *row.person }
	if err := l.pages(ctx, pages{l.personsSQL, Person, last, &seen.Persons, &seen.Closed}, yield); err != nil {
		return seen, fmt.Errorf("list %s: %w", l.Model.Users.Table, err)
	}
	if !l.Model.HasOrgs() {
		return seen, nil
	}
	last = func(row listed) string { return *row.org }
	if err := l.pages(ctx, pages{l.orgsSQL, orgOnly, last, &seen.Orgs, &seen.Closed}, yield); err != nil {
		return seen, fmt.Errorf("list %s: %w", l.Model.Orgs.Table, err)
	}
	return seen, nil
}

// pages says how to go through a kind of tenants page by page.
type pages struct {
	sql   func(next bool) string
	kind  Kind                // of the rows that count tenants
	last  func(listed) string // id of the tenant of a row
	count *int
	// closed counts Persons for whom the platform opens no session.
	closed *int
}

func (l *Lister) pages(ctx context.Context, p pages, yield func([]Session) error) error {
	after := ""
	for {
		var args []any
		if after != "" {
			args = []any{after}
		}
		var batch []Session
		tenants := 0
		err := l.read(ctx, func(row listed) error {
			after = p.last(row)
			if row.kind == p.kind {
				tenants++
				*p.count++
				if row.kind == Person && !row.opensAny {
					*p.closed++
				}
			}
			if row.opens() && l.includes(row) {
				batch = append(batch, row.session())
			}
			return nil
		}, p.sql(after != ""), args...)
		if err != nil {
			return err
		}
		if err := yield(batch); err != nil {
			return err
		}
		if tenants < pageSize {
			return nil
		}
	}
}

func (l *Lister) includes(row listed) bool {
	if !l.Settings.Allows(row.session()) {
		return false
	}
	return l.Only == "" || l.Only == *row.person || row.org != nil && l.Only == *row.org
}

// FirstPage lists the sessions of the first tenants of each kind, without regard to Only.
func (l *Lister) FirstPage(ctx context.Context, each func(Session)) error {
	lists := []string{l.personsSQL(false)}
	if l.Model.HasOrgs() {
		lists = append(lists, l.orgsSQL(false))
	}
	for _, sql := range lists {
		err := l.read(ctx, func(row listed) error {
			if row.opens() && l.Settings.Allows(row.session()) {
				each(row.session())
			}
			return nil
		}, sql)
		if err != nil {
			return err
		}
	}
	return nil
}

// Of returns a Person's session without an Org or, where the platform opens none, in the first Org
// of theirs in which it opens one. The error wraps pgx.ErrNoRows where it opens neither.
func (l *Lister) Of(ctx context.Context, person string) (Session, error) {
	var found *Session
	id := l.Model.PersonLiteral(person)
	pairs := fmt.Sprintf("pairs AS (SELECT 'person' AS kind, %s AS person, %s AS org", id, l.noOrg())
	if l.rolesByOrg() {
		pairs += " UNION ALL SELECT DISTINCT 'member', mem.person, mem.org FROM mem WHERE mem.present AND " +
			"mem.person = " + id
	}
	err := l.read(ctx, func(row listed) error {
		if row.person = &person; found == nil && row.opens() {
			found = new(row.session())
		}
		return nil
	}, l.pairsSQL(pairs+")")+" ORDER BY pairs.kind DESC, pairs.org")
	if err == nil && found == nil {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return Session{}, err
	}
	return *found, nil
}

// pairsSQL completes a list named pairs of (kind, person, org) with what each Person belongs to.
func (l *Lister) pairsSQL(pairs string) string {
	return `WITH mem AS MATERIALIZED (` + l.Model.MembersSQL() + `), ` + pairs + `,
persons AS (SELECT DISTINCT person FROM pairs),
mine AS (SELECT p.person, array_agg(DISTINCT mem.org::text) AS orgs
           FROM persons p JOIN mem ON mem.person = p.person AND mem.present GROUP BY 1),
others AS (SELECT p.person, array_agg(DISTINCT o.person::text) AS co_members
             FROM persons p JOIN mem i ON i.person = p.person AND i.present JOIN mem o ON o.org = i.org GROUP BY 1)
SELECT pairs.kind, pairs.person::text, pairs.org::text, coalesce(mine.orgs, '{}'), coalesce(others.co_members, '{}'),
       ` + l.Settings.Opening.userSQL("pairs.person") + `,
       CASE pairs.kind WHEN 'person' THEN ` + l.Settings.Opening.roleSQL("pairs.person", l.noOrg()) + `
            WHEN 'member' THEN ` + l.Settings.Opening.roleSQL("pairs.person", "pairs.org") + `
            ELSE ` + l.someRoleSQL("pairs.person") + ` END,
       pairs.kind <> 'person' OR ` + l.Opens("pairs.person") + `
  FROM pairs LEFT JOIN mine USING (person) LEFT JOIN others USING (person)`
}

// personsSQL is a page of all Persons, each in a session without an Org and, where the role
// depends on it, in one for each Org of theirs. With next, $1 is the last id of the page before.
func (l *Lister) personsSQL(next bool) string {
	m := l.Model
	id, where, acting := query.Column("u", m.Users.ID), "", ""
	if next {
		where = "WHERE " + id + " > $1::" + m.Users.Type
	}
	if l.rolesByOrg() {
		acting = " UNION ALL SELECT DISTINCT 'member', mem.person, mem.org FROM mem JOIN page " +
			"ON page.person = mem.person WHERE mem.present"
	}
	return l.pairsSQL(fmt.Sprintf(
		"page AS (SELECT %[1]s AS person FROM %[2]s u %[3]s ORDER BY %[1]s LIMIT %[4]d), "+
			"pairs AS (SELECT 'person' AS kind, person, %[5]s AS org FROM page%[6]s)",
		id, m.Users.Table.SQL(), where, pageSize, l.noOrg(), acting)) + " ORDER BY pairs.person, pairs.kind, pairs.org"
}

// orgsSQL is a page of all Orgs. A present member acts in each, a stranger and a member of
// another Org claim it, and so does everyone who left it. With next, $1 is the last id of the
// page before.
func (l *Lister) orgsSQL(next bool) string {
	m := l.Model
	id, where := query.Column("o", m.Orgs.ID), ""
	if next {
		where = "WHERE " + id + " > $1::" + m.Orgs.Type
	}
	return l.pairsSQL(fmt.Sprintf(`page AS (SELECT %[1]s AS org FROM %[2]s o %[3]s ORDER BY %[1]s LIMIT %[4]d),
outsiders AS (SELECT %[5]s AS person FROM %[6]s u WHERE %[8]s ORDER BY %[5]s LIMIT 40),
rivals AS (SELECT DISTINCT person FROM mem WHERE present AND %[9]s ORDER BY person LIMIT 40),
pairs AS (
  (SELECT DISTINCT ON (mem.org) 'member' AS kind, mem.person, mem.org
     FROM mem JOIN page ON page.org = mem.org WHERE mem.present AND %[10]s ORDER BY mem.org, mem.person)
  UNION ALL
  (SELECT DISTINCT 'former', mem.person, mem.org FROM mem JOIN page ON page.org = mem.org
    WHERE NOT mem.present
      AND NOT EXISTS (SELECT FROM mem p WHERE p.org = mem.org AND p.person = mem.person AND p.present))
  UNION ALL
  (SELECT DISTINCT ON (page.org) 'stranger', outsiders.person, page.org FROM page CROSS JOIN outsiders
    WHERE NOT EXISTS (SELECT FROM mem WHERE mem.org = page.org AND mem.person = outsiders.person)
    ORDER BY page.org, outsiders.person)
  UNION ALL
  (SELECT DISTINCT ON (page.org) 'rival', rivals.person, page.org FROM page CROSS JOIN rivals
    WHERE NOT EXISTS (SELECT FROM mem WHERE mem.org = page.org AND mem.person = rivals.person)
    ORDER BY page.org, rivals.person)
  UNION ALL
  (SELECT 'org', NULL::%[7]s, page.org FROM page))`, id, m.Orgs.Table.SQL(), where, pageSize,
		query.Column("u", m.Users.ID), m.Users.Table.SQL(), m.Users.Type, l.Opens(query.Column("u", m.Users.ID)),
		l.Opens("mem.person"), l.OpensIn("mem.person", "mem.org"))) + " ORDER BY pairs.org, pairs.kind"
}
