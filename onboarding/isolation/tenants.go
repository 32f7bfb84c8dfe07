package isolation

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// page is how many tenants are listed at once; the sessions of one page are all that is held in memory.
const page = 1000

// sessionsSQL completes a list of (kind, person, org) named pairs with what each Person belongs to.
func (m *model) sessionsSQL(pairs string) string {
	return `WITH mem AS MATERIALIZED (` + m.membersSQL() + `), ` + pairs + `,
persons AS (SELECT DISTINCT person FROM pairs),
mine AS (SELECT p.person, array_agg(DISTINCT mem.org::text) AS orgs FROM persons p JOIN mem ON mem.person = p.person AND mem.present GROUP BY 1),
mates AS (SELECT p.person, array_agg(DISTINCT o.person::text) AS mates FROM persons p JOIN mem i ON i.person = p.person AND i.present JOIN mem o ON o.org = i.org GROUP BY 1)
SELECT pairs.kind, pairs.person::text, pairs.org::text, coalesce(mine.orgs, '{}'), coalesce(mates.mates, '{}')
  FROM pairs LEFT JOIN mine USING (person) LEFT JOIN mates USING (person)`
}

// personsSQL pages through all Persons, each in a session without an Org; $1 is the last id of the page before.
func (m *model) personsSQL(after bool) string {
	where := ""
	if after {
		where = "WHERE " + field("u", m.userID) + " > $1::" + m.userType
	}
	id := field("u", m.userID)
	orgType := m.orgType
	return m.sessionsSQL(fmt.Sprintf("pairs AS (SELECT 'person' AS kind, %s AS person, NULL::%s AS org FROM %s u %s ORDER BY %s LIMIT %d)", id, orgType, m.users.SQL(), where, id, page)) +
		" ORDER BY pairs.person"
}

// orgsSQL pages through all Orgs: a present member acts in it, a stranger and a member of another claim it, and so does everyone who left.
func (m *model) orgsSQL(after bool) string {
	where := ""
	if after {
		where = "WHERE " + field("o", m.orgID) + " > $1::" + m.orgType
	}
	id, user := field("o", m.orgID), field("u", m.userID)
	return m.sessionsSQL(fmt.Sprintf(`page AS (SELECT %[1]s AS org FROM %[2]s o %[3]s ORDER BY %[1]s LIMIT %[4]d),
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
  (SELECT 'org', NULL::%[7]s, page.org FROM page))`, id, m.orgs.SQL(), where, page, user, m.users.SQL(), m.userType)) +
		" ORDER BY pairs.org, pairs.kind"
}

// tenantSession is one row of those lists as a session; kind "org" only counts an Org and is none.
func tenantSession(kind, person string, org *string, orgs, mates []string) session {
	s := session{User: &person, Person: &person, Org: ref(""), Orgs: orgs, Mates: mates}
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
type tenantsSeen struct{ Persons, Orgs int }

// sessions lists every tenant's sessions in order, a page at a time, to yield; only is the id of the single tenant to list, or empty.
func (m *model) sessions(ctx context.Context, q querier, only string, yield func([]session) error) (tenantsSeen, error) {
	var seen tenantsSeen
	list := func(sql func(after bool) string, count *int, kind string, last func(person string, org *string) string) error {
		after := ""
		for {
			var args []any
			if after != "" {
				args = []any{after}
			}
			var batch []session
			rows := 0
			err := each(ctx, q, sql(after != ""), args, func(row pgx.Rows) error {
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
					batch = append(batch, tenantSession(k, id, org, orgs, mates))
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
	err := list(m.personsSQL, &seen.Persons, "person", func(person string, _ *string) string { return person })
	if err != nil {
		return seen, fmt.Errorf("list %s: %w", m.users, err)
	}
	if m.orgs != nil {
		if err := list(m.orgsSQL, &seen.Orgs, "org", func(_ string, org *string) string { return *org }); err != nil {
			return seen, fmt.Errorf("list %s: %w", m.orgs, err)
		}
	}
	return seen, nil
}

// tenantID finds a tenant by its slug; the columns are named slug or handle.
func (m *model) tenantID(ctx context.Context, q querier, slug string) (string, error) {
	var parts []string
	for _, t := range []struct {
		r  *relation
		id string
	}{{m.users, m.userID}, {m.orgs, m.orgID}} {
		if t.r == nil {
			continue
		}
		for _, c := range t.r.Columns {
			if n := normal(c.Name); n == "slug" || n == "handle" || n == "username" {
				parts = append(parts, fmt.Sprintf("SELECT %s::text FROM %s t WHERE %s::text = $1", field("t", t.id), t.r.SQL(), field("t", c.Name)))
				break
			}
		}
	}
	if len(parts) == 0 {
		return "", fmt.Errorf("neither users nor orgs has a column slug to find tenant %q by", slug)
	}
	var id string
	if err := one(ctx, q, strings.Join(parts, " UNION ALL "), []any{slug}, &id); err != nil {
		return "", fmt.Errorf("tenant %q: %w", slug, err)
	}
	return id, nil
}
