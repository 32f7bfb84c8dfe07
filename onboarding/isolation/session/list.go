package session

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// page is how many tenants are listed at once; the sessions of one page are all that is held in memory.
const page = 1000

// sessionsSQL completes a list of (kind, person, org) named pairs with what each Person belongs to.
func SessionsSQL(m *tenancy.Model, pairs string) string {
	return `WITH mem AS MATERIALIZED (` + m.MembersSQL() + `), ` + pairs + `,
persons AS (SELECT DISTINCT person FROM pairs),
mine AS (SELECT p.person, array_agg(DISTINCT mem.org::text) AS orgs FROM persons p JOIN mem ON mem.person = p.person AND mem.present GROUP BY 1),
mates AS (SELECT p.person, array_agg(DISTINCT o.person::text) AS mates FROM persons p JOIN mem i ON i.person = p.person AND i.present JOIN mem o ON o.org = i.org GROUP BY 1)
SELECT pairs.kind, pairs.person::text, pairs.org::text, coalesce(mine.orgs, '{}'), coalesce(mates.mates, '{}')
  FROM pairs LEFT JOIN mine USING (person) LEFT JOIN mates USING (person)`
}

// personsSQL pages through all Persons, each in a session without an Org; $1 is the last id of the page before.
func PersonsSQL(m *tenancy.Model, after bool) string {
	where := ""
	if after {
		where = "WHERE " + query.Column("u", m.UserID) + " > $1::" + m.UserType
	}
	id := query.Column("u", m.UserID)
	orgType := m.OrgType
	return SessionsSQL(m, fmt.Sprintf("pairs AS (SELECT 'person' AS kind, %s AS person, NULL::%s AS org FROM %s u %s ORDER BY %s LIMIT %d)", id, orgType, m.Users.SQL(), where, id, page)) +
		" ORDER BY pairs.person"
}

// orgsSQL pages through all Orgs: a present member acts in it, a stranger and a member of another claim it, and so does everyone who left.
func orgsSQL(m *tenancy.Model, after bool) string {
	where := ""
	if after {
		where = "WHERE " + query.Column("o", m.OrgID) + " > $1::" + m.OrgType
	}
	id, user := query.Column("o", m.OrgID), query.Column("u", m.UserID)
	return SessionsSQL(m, fmt.Sprintf(`page AS (SELECT %[1]s AS org FROM %[2]s o %[3]s ORDER BY %[1]s LIMIT %[4]d),
outsiders AS (SELECT %[5]s AS person FROM %[6]s u ORDER BY %[5]s LIMIT 40),
rivals AS (SELECT DISTINCT person FROM mem WHERE present ORDER BY person LIMIT 40),
pairs AS (
  (SELECT DISTINCT ON (mem.org) 'member' AS kind, mem.person, mem.org FROM mem JOIN page ON page.org = mem.org WHERE mem.present ORDER BY mem.org, mem.person)
  UNION ALL
  (SELECT DISTINCT 'former', mem.person, mem.org FROM mem JOIN page ON page.org = mem.org
    WHERE NOT mem.present AND NOT EXISTS (SELECT FROM mem p WHERE p.org = mem.org AND p.person = mem.person AND p.present))
  UNION ALL
  (SELECT DISTINCT ON (page.org) 'stranger', outsiders.person, page.org FROM page CROSS JOIN outsiders
    WHERE NOT EXISTS (SELECT FROM mem WHERE mem.org = page.org AND mem.person = outsiders.person) ORDER BY page.org, outsiders.person)
  UNION ALL
  (SELECT DISTINCT ON (page.org) 'rival', rivals.person, page.org FROM page CROSS JOIN rivals
    WHERE NOT EXISTS (SELECT FROM mem WHERE mem.org = page.org AND mem.person = rivals.person) ORDER BY page.org, rivals.person)
  UNION ALL
  (SELECT 'org', NULL::%[7]s, page.org FROM page))`, id, m.Orgs.SQL(), where, page, user, m.Users.SQL(), m.UserType)) +
		" ORDER BY pairs.org, pairs.kind"
}

// tenantSession is one row of those lists as a session; kind "org" only counts an Org and is none.
func TenantSession(kind, person string, org *string, orgs, mates []string) Session {
	s := Session{User: &person, Person: &person, Org: query.Ref(""), Orgs: orgs, CoMembers: mates}
	switch kind {
	case "person":
		s.Label = "Person " + person
	case "member":
		s.Org, s.Label = org, fmt.Sprintf("Person %s acting in their Org %s", person, *org)
	case "former":
		s.Org, s.Label = org, fmt.Sprintf("Person %s claiming Org %s, which they left", person, *org)
	case "rival":
		s.Org, s.Label = org, fmt.Sprintf("Person %s, a member elsewhere, claiming foreign Org %s", person, *org)
	case "stranger":
		s.Org, s.Label = org, fmt.Sprintf("Person %s claiming foreign Org %s", person, *org)
	}
	return s
}

// tenantsSeen counts what a listing went through.
type TenantsSeen struct{ Persons, Orgs int }

// sessions lists every tenant's sessions in order, a page at a time, to yield; only is the id of the single tenant to list, or empty.
func All(ctx context.Context, m *tenancy.Model, q query.Querier, only string, yield func([]Session) error) (TenantsSeen, error) {
	var seen TenantsSeen
	list := func(sql func(after bool) string, count *int, kind string, last func(person string, org *string) string) error {
		after := ""
		for {
			var args []any
			if after != "" {
				args = []any{after}
			}
			var batch []Session
			rows := 0
			err := query.Each(ctx, q, sql(after != ""), args, func(row pgx.Rows) error {
				var k string
				var person, org *string
				var orgs, mates []string
				if err := row.Scan(&k, &person, &org, &orgs, &mates); err != nil {
					return err
				}
				id := ""
				if person != nil {
					id = *person
				}
				after = last(id, org)
				if k == kind {
					rows++
					*count++
				}
				if person != nil && (only == "" || only == id || org != nil && only == *org) {
					batch = append(batch, TenantSession(k, id, org, orgs, mates))
				}
				return nil
			})
			if err != nil {
				return err
			}
			if err := yield(batch); err != nil {
				return err
			}
			if rows < page {
				return nil
			}
		}
	}
	err := list(func(after bool) string { return PersonsSQL(m, after) }, &seen.Persons, "person", func(person string, _ *string) string { return person })
	if err != nil {
		return seen, fmt.Errorf("list %s: %w", m.Users, err)
	}
	if m.Orgs != nil {
		if err := list(func(after bool) string { return orgsSQL(m, after) }, &seen.Orgs, "org", func(_ string, org *string) string { return *org }); err != nil {
			return seen, fmt.Errorf("list %s: %w", m.Orgs, err)
		}
	}
	return seen, nil
}

func OrgsSQLOrNone(m *tenancy.Model) string {
	if m.Orgs == nil {
		return ""
	}
	return orgsSQL(m, false)
}
