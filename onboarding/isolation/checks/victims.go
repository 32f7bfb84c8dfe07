package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// victimsPerKind is how many Persons and how many Orgs the sample goes for.
const victimsPerKind = 2

// chooseVictims picks tenants who own rows, the single tenant alone if one was named.
func (r *Run) chooseVictims(ctx context.Context, q query.Querier) ([]tenancy.Tenant, error) {
	var chosen []tenancy.Tenant
	full := func(v tenancy.Tenant) bool {
		n := 0
		for _, c := range chosen {
			if (c.Org != "") == (v.Org != "") {
				n++
			}
		}
		return n >= victimsPerKind || slices.Contains(chosen, v)
	}
	for _, t := range r.tables {
		o := r.m.Of(t)
		if t.IsView() || t.Kind == "f" || t.Partition || o.Class == tenancy.ClassUsers || o.Class == tenancy.ClassOrgs {
			continue
		}
		only := ""
		if r.tenant != "" {
			only = fmt.Sprintf(" AND o IN (%s, %s)", query.Literal("Person "+r.tenant), query.Literal("Org "+r.tenant))
		}
		owners, err := query.Strings(ctx, q, fmt.Sprintf("SELECT DISTINCT o FROM (SELECT %s AS o FROM %s a LIMIT 2000) s WHERE o IS NOT NULL%s ORDER BY o LIMIT 50", r.m.Owner(t, "a"), t.SQL(), only))
		if err != nil {
			r.LeaveOut("%s: %s", t, query.Describe(err))
			continue
		}
		for _, owner := range owners {
			if v := tenancy.TenantOf(owner); !full(v) {
				chosen = append(chosen, v)
			}
		}
	}
	// Without rows, any tenant will do.
	for _, source := range []struct {
		r    *catalog.Relation
		id   string
		make func(string) tenancy.Tenant
	}{{r.m.Users, r.m.UserID, func(id string) tenancy.Tenant { return tenancy.Tenant{Person: id} }}, {r.m.Orgs, r.m.OrgID, func(id string) tenancy.Tenant { return tenancy.Tenant{Org: id} }}} {
		if source.r == nil || r.tenant != "" && len(chosen) > 0 {
			continue
		}
		where := ""
		if r.tenant != "" {
			where = fmt.Sprintf("WHERE %s::text = %s", query.Column("t", source.id), query.Literal(r.tenant))
		}
		ids, err := query.Strings(ctx, q, fmt.Sprintf("SELECT %[1]s::text FROM %[2]s t %[3]s ORDER BY %[1]s LIMIT 3", query.Column("t", source.id), source.r.SQL(), where))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if v := source.make(id); !full(v) {
				chosen = append(chosen, v)
			}
		}
	}
	return chosen, r.chooseSample(ctx, q)
}

// victimNames are the unique texts of the victims' own rows, such as slugs.
func (r *Run) victimNames(ctx context.Context, q query.Querier) ([]string, error) {
	var found []string
	for _, v := range r.victims {
		t, id := r.m.Users, r.m.UserID
		if v.Org != "" {
			t, id = r.m.Orgs, r.m.OrgID
		}
		for _, key := range t.Unique {
			if len(key) != 1 || key[0] == id || t.Column(key[0]).Category != "S" {
				continue
			}
			values, err := query.Strings(ctx, q, fmt.Sprintf("SELECT %s::text FROM %s t WHERE %s::text = %s", query.Column("t", key[0]), t.SQL(), query.Column("t", id), query.Literal(v.Person+v.Org)))
			if err != nil {
				return nil, err
			}
			found = append(found, values...)
		}
	}
	return found, nil
}

// chooseSample keeps a few sessions of each kind.
func (r *Run) chooseSample(ctx context.Context, q query.Querier) error {
	kinds := map[string]int{}
	for _, sql := range []string{session.PersonsSQL(r.m, false), session.OrgsSQLOrNone(r.m)} {
		if sql == "" {
			continue
		}
		err := query.Each(ctx, q, sql, nil, func(rows pgx.Rows) error {
			var kind string
			var person, org *string
			var orgs, mates []string
			if err := rows.Scan(&kind, &person, &org, &orgs, &mates); err != nil {
				return err
			}
			if person != nil && kind == "person" {
				r.persons[*person] = session.TenantSession(kind, *person, nil, orgs, mates) // a page of them at most
			}
			if person == nil || kinds[kind] >= 2 {
				return nil
			}
			kinds[kind]++
			s := session.TenantSession(kind, *person, org, orgs, mates)
			r.anyone = append(r.anyone, s)
			if kind == "person" {
				s.Org, s.Label = nil, s.Label+" before any Org was set"
				r.anyone = append(r.anyone, s)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sampleSessions are the sessions of a few tenants, of each kind.
func (r *Run) sampleSessions() []session.Session { return slices.Clone(r.anyone) }

// attackers are sessions that have no right to a victim's rows.
func (r *Run) attackers(ctx context.Context, v tenancy.Tenant) ([]session.Session, error) {
	if cached, ok := r.against[v]; ok {
		return cached, nil
	}
	m := r.m
	id := query.Column("u", m.UserID)
	mem := "WITH mem AS MATERIALIZED (" + m.MembersSQL() + ") "
	var sessions []session.Session
	add := func(label, org string, sql string) error {
		persons, err := query.Strings(ctx, r.admin, mem+sql)
		if err != nil || len(persons) == 0 {
			return err
		}
		s, err := r.sessionOf(ctx, persons[0])
		if err != nil {
			return err
		}
		s.Org, s.Label = query.Ref(org), fmt.Sprintf(label, persons[0])
		sessions = append(sessions, s)
		return nil
	}
	var err error
	if v.Person != "" {
		person := m.UserLiteral(v.Person)
		shares := fmt.Sprintf("EXISTS (SELECT FROM mem a JOIN mem b ON a.org = b.org WHERE a.present AND b.present AND a.person = %s AND b.person = %s)", id, person)
		// A stranger with rows of their own, if there is one, has something to move.
		err = add("Person %s", "", fmt.Sprintf("SELECT %[1]s::text FROM %[2]s u WHERE %[1]s <> %[3]s AND NOT %[4]s ORDER BY (%[1]s::text = ANY(%[5]s::text[])) DESC, 1 LIMIT 1", id, m.Users.SQL(), person, shares, query.Array(r.people())))
		if err == nil && m.Orgs != nil {
			shared, e := query.Strings(ctx, r.admin, mem+fmt.Sprintf("SELECT b.person::text || ' ' || b.org::text FROM mem a JOIN mem b ON a.org = b.org AND a.person <> b.person WHERE a.present AND b.present AND a.person = %s ORDER BY 1 LIMIT 1", person))
			if err = e; err == nil && len(shared) > 0 {
				mate, org, _ := strings.Cut(shared[0], " ")
				err = add("Person %s acting in Org "+org+", which both belong to", org, "SELECT "+query.Literal(mate))
			}
		}
	} else {
		org := query.Literal(v.Org) + "::" + m.OrgType
		never := fmt.Sprintf("NOT EXISTS (SELECT FROM mem WHERE mem.org = %s AND mem.person = %s)", org, id)
		stranger := fmt.Sprintf("SELECT %[1]s::text FROM %[2]s u WHERE %[3]s ORDER BY EXISTS (SELECT FROM mem WHERE mem.person = %[1]s), (%[1]s::text = ANY(%[4]s::text[])) DESC, 1 LIMIT 1", id, m.Users.SQL(), never, query.Array(r.people()))
		other := fmt.Sprintf("SELECT m2.person::text || ' ' || m2.org::text FROM mem m2 WHERE m2.present AND NOT EXISTS (SELECT FROM mem x WHERE x.present AND x.org = %s AND x.person = m2.person) AND m2.org <> %s ORDER BY 1 LIMIT 1", org, org)
		former := fmt.Sprintf("SELECT person::text FROM mem WHERE org = %[1]s AND NOT present AND NOT EXISTS (SELECT FROM mem p WHERE p.org = %[1]s AND p.person = mem.person AND p.present) ORDER BY 1 LIMIT 1", org)
		err = add("Person %s", "", stranger)
		if err == nil {
			err = add("Person %s claiming foreign Org "+v.Org, v.Org, stranger)
		}
		if err == nil {
			found, e := query.Strings(ctx, r.admin, mem+other)
			if err = e; err == nil && len(found) > 0 {
				person, own, _ := strings.Cut(found[0], " ")
				if err = add("Person %s acting in their Org "+own, own, "SELECT "+query.Literal(person)); err == nil {
					err = add("Person %s, a member elsewhere, claiming foreign Org "+v.Org, v.Org, "SELECT "+query.Literal(person))
				}
			}
		}
		if err == nil {
			err = add("Person %s, who left Org "+v.Org, "", former)
		}
		if err == nil {
			err = add("Person %s claiming Org "+v.Org+", which they left", v.Org, former)
		}
		sessions = append(sessions, session.Session{Label: "nobody claiming Org " + v.Org, Org: query.Ref(v.Org)}, session.Session{Label: "nobody, identity set to empty, claiming Org " + v.Org, User: query.Ref(""), Org: query.Ref(v.Org)})
	}
	if err != nil {
		return nil, err
	}
	sessions = append(sessions, session.Session{Label: "nobody, no identity set"}, session.Session{Label: "nobody, identity set to empty", User: query.Ref(""), Org: query.Ref("")})
	plain := sessions
	for _, role := range r.roles {
		for _, s := range plain[:min(2, len(plain))] {
			s.Role, s.Label = role, s.Label+" after SET ROLE "+role
			sessions = append(sessions, s)
		}
	}
	if len(plain) > 0 {
		others := r.settingSessions(plain[:1])
		// What opened a read may open a write.
		r.mostOpen(others)
		sessions = append(sessions, others[:min(settingsPerWrite, len(others))]...)
	}
	r.against[v] = sessions
	return sessions, nil
}

// people are the Persons among the victims: they have rows.
func (r *Run) people() []string {
	var ids []string
	for _, v := range r.victims {
		if v.Person != "" {
			ids = append(ids, v.Person)
		}
	}
	return ids
}

// sessionOf is a Person's session without an Org.
func (r *Run) sessionOf(ctx context.Context, person string) (session.Session, error) {
	if s, known := r.persons[person]; known {
		return s, nil
	}
	var orgs, mates []string
	var kind string
	var id, org *string
	sql := session.SessionsSQL(r.m, fmt.Sprintf("pairs AS (SELECT 'person' AS kind, %s AS person, NULL::text AS org)", r.m.UserLiteral(person)))
	if err := query.One(ctx, r.admin, sql, nil, &kind, &id, &org, &orgs, &mates); err != nil {
		return session.Session{}, err
	}
	r.persons[person] = session.TenantSession("person", person, nil, orgs, mates)
	return r.persons[person], nil
}
