package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// victim is a tenant whose rows the sample of attackers goes for; one of the two is set.
type victim struct{ Person, Org string }

func (v victim) String() string {
	if v.Org != "" {
		return "Org " + v.Org
	}
	return "Person " + v.Person
}

func victimOf(owner string) victim {
	kind, id, _ := strings.Cut(owner, " ")
	if kind == "Org" {
		return victim{Org: id}
	}
	return victim{Person: id}
}

// victimsPerKind is how many Persons and how many Orgs the sample goes for.
const victimsPerKind = 2

// chooseVictims picks tenants who own rows, the single tenant alone if one was named.
func (r *run) chooseVictims(ctx context.Context, q querier) ([]victim, error) {
	var chosen []victim
	full := func(v victim) bool {
		n := 0
		for _, c := range chosen {
			if (c.Org != "") == (v.Org != "") {
				n++
			}
		}
		return n >= victimsPerKind || slices.Contains(chosen, v)
	}
	for _, t := range r.tables {
		o := r.m.of(t)
		if t.isView() || t.Kind == "f" || t.Partition || o.Class == classUsers || o.Class == classOrgs {
			continue
		}
		only := ""
		if r.only != "" {
			only = fmt.Sprintf(" AND o IN (%s, %s)", literal("Person "+r.only), literal("Org "+r.only))
		}
		owners, err := texts(ctx, q, fmt.Sprintf("SELECT DISTINCT o FROM (SELECT %s AS o FROM %s a LIMIT 2000) s WHERE o IS NOT NULL%s ORDER BY o LIMIT 50", r.m.owner(t, "a"), t.SQL(), only))
		if err != nil {
			r.leaveOut("%s: %s", t, describe(err))
			continue
		}
		for _, owner := range owners {
			if v := victimOf(owner); !full(v) {
				chosen = append(chosen, v)
			}
		}
	}
	// Without rows, any tenant will do.
	for _, source := range []struct {
		r    *relation
		id   string
		make func(string) victim
	}{{r.m.users, r.m.userID, func(id string) victim { return victim{Person: id} }}, {r.m.orgs, r.m.orgID, func(id string) victim { return victim{Org: id} }}} {
		if source.r == nil || r.only != "" && len(chosen) > 0 {
			continue
		}
		where := ""
		if r.only != "" {
			where = fmt.Sprintf("WHERE %s::text = %s", field("t", source.id), literal(r.only))
		}
		ids, err := texts(ctx, q, fmt.Sprintf("SELECT %[1]s::text FROM %[2]s t %[3]s ORDER BY %[1]s LIMIT 3", field("t", source.id), source.r.SQL(), where))
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
func (r *run) victimNames(ctx context.Context, q querier) ([]string, error) {
	var found []string
	for _, v := range r.victims {
		t, id := r.m.users, r.m.userID
		if v.Org != "" {
			t, id = r.m.orgs, r.m.orgID
		}
		for _, key := range t.Unique {
			if len(key) != 1 || key[0] == id || t.column(key[0]).Category != "S" {
				continue
			}
			values, err := texts(ctx, q, fmt.Sprintf("SELECT %s::text FROM %s t WHERE %s::text = %s", field("t", key[0]), t.SQL(), field("t", id), literal(v.Person+v.Org)))
			if err != nil {
				return nil, err
			}
			found = append(found, values...)
		}
	}
	return found, nil
}

// chooseSample keeps a few sessions of each kind.
func (r *run) chooseSample(ctx context.Context, q querier) error {
	kinds := map[string]int{}
	for _, sql := range []string{r.m.personsSQL(false), r.m.orgsSQLOrNone()} {
		if sql == "" {
			continue
		}
		err := each(ctx, q, sql, nil, func(rows pgx.Rows) error {
			var kind string
			var person, org *string
			var orgs, mates []string
			if err := rows.Scan(&kind, &person, &org, &orgs, &mates); err != nil {
				return err
			}
			if person != nil && kind == "person" {
				r.persons[*person] = tenantSession(kind, *person, nil, orgs, mates) // a page of them at most
			}
			if person == nil || kinds[kind] >= 2 {
				return nil
			}
			kinds[kind]++
			s := tenantSession(kind, *person, org, orgs, mates)
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

func (m *model) orgsSQLOrNone() string {
	if m.orgs == nil {
		return ""
	}
	return m.orgsSQL(false)
}

// sampleSessions are the sessions of a few tenants, of each kind.
func (r *run) sampleSessions() []session { return slices.Clone(r.anyone) }

// attackers are sessions that have no right to a victim's rows.
func (r *run) attackers(ctx context.Context, v victim) ([]session, error) {
	if cached, ok := r.against[v]; ok {
		return cached, nil
	}
	m := r.m
	id := field("u", m.userID)
	mem := "WITH mem AS MATERIALIZED (" + m.membersSQL() + ") "
	var sessions []session
	add := func(label, org string, sql string) error {
		persons, err := texts(ctx, r.admin, mem+sql)
		if err != nil || len(persons) == 0 {
			return err
		}
		s, err := r.sessionOf(ctx, persons[0])
		if err != nil {
			return err
		}
		s.Org, s.Label = ref(org), fmt.Sprintf(label, persons[0])
		sessions = append(sessions, s)
		return nil
	}
	var err error
	if v.Person != "" {
		person := m.userLiteral(v.Person)
		shares := fmt.Sprintf("EXISTS (SELECT FROM mem a JOIN mem b ON a.org = b.org WHERE a.present AND b.present AND a.person = %s AND b.person = %s)", id, person)
		// A stranger with rows of their own, if there is one, has something to move.
		err = add("Person %s", "", fmt.Sprintf("SELECT %[1]s::text FROM %[2]s u WHERE %[1]s <> %[3]s AND NOT %[4]s ORDER BY (%[1]s::text = ANY(%[5]s::text[])) DESC, 1 LIMIT 1", id, m.users.SQL(), person, shares, array(r.people())))
		if err == nil && m.orgs != nil {
			shared, e := texts(ctx, r.admin, mem+fmt.Sprintf("SELECT b.person::text || ' ' || b.org::text FROM mem a JOIN mem b ON a.org = b.org AND a.person <> b.person WHERE a.present AND b.present AND a.person = %s ORDER BY 1 LIMIT 1", person))
			if err = e; err == nil && len(shared) > 0 {
				mate, org, _ := strings.Cut(shared[0], " ")
				err = add("Person %s acting in Org "+org+", which both belong to", org, "SELECT "+literal(mate))
			}
		}
	} else {
		org := literal(v.Org) + "::" + m.orgType
		never := fmt.Sprintf("NOT EXISTS (SELECT FROM mem WHERE mem.org = %s AND mem.person = %s)", org, id)
		stranger := fmt.Sprintf("SELECT %[1]s::text FROM %[2]s u WHERE %[3]s ORDER BY EXISTS (SELECT FROM mem WHERE mem.person = %[1]s), (%[1]s::text = ANY(%[4]s::text[])) DESC, 1 LIMIT 1", id, m.users.SQL(), never, array(r.people()))
		other := fmt.Sprintf("SELECT m2.person::text || ' ' || m2.org::text FROM mem m2 WHERE m2.present AND NOT EXISTS (SELECT FROM mem x WHERE x.present AND x.org = %s AND x.person = m2.person) AND m2.org <> %s ORDER BY 1 LIMIT 1", org, org)
		former := fmt.Sprintf("SELECT person::text FROM mem WHERE org = %[1]s AND NOT present AND NOT EXISTS (SELECT FROM mem p WHERE p.org = %[1]s AND p.person = mem.person AND p.present) ORDER BY 1 LIMIT 1", org)
		err = add("Person %s", "", stranger)
		if err == nil {
			err = add("Person %s claiming foreign Org "+v.Org, v.Org, stranger)
		}
		if err == nil {
			found, e := texts(ctx, r.admin, mem+other)
			if err = e; err == nil && len(found) > 0 {
				person, own, _ := strings.Cut(found[0], " ")
				if err = add("Person %s acting in their Org "+own, own, "SELECT "+literal(person)); err == nil {
					err = add("Person %s, a member elsewhere, claiming foreign Org "+v.Org, v.Org, "SELECT "+literal(person))
				}
			}
		}
		if err == nil {
			err = add("Person %s, who left Org "+v.Org, "", former)
		}
		if err == nil {
			err = add("Person %s claiming Org "+v.Org+", which they left", v.Org, former)
		}
		sessions = append(sessions, session{Label: "nobody claiming Org " + v.Org, Org: ref(v.Org)}, session{Label: "nobody, identity set to empty, claiming Org " + v.Org, User: ref(""), Org: ref(v.Org)})
	}
	if err != nil {
		return nil, err
	}
	sessions = append(sessions, session{Label: "nobody, no identity set"}, session{Label: "nobody, identity set to empty", User: ref(""), Org: ref("")})
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
func (r *run) people() []string {
	var ids []string
	for _, v := range r.victims {
		if v.Person != "" {
			ids = append(ids, v.Person)
		}
	}
	return ids
}

// sessionOf is a Person's session without an Org.
func (r *run) sessionOf(ctx context.Context, person string) (session, error) {
	if s, known := r.persons[person]; known {
		return s, nil
	}
	var orgs, mates []string
	var kind string
	var id, org *string
	sql := r.m.sessionsSQL(fmt.Sprintf("pairs AS (SELECT 'person' AS kind, %s AS person, NULL::text AS org)", r.m.userLiteral(person)))
	if err := one(ctx, r.admin, sql, nil, &kind, &id, &org, &orgs, &mates); err != nil {
		return session{}, err
	}
	r.persons[person] = tenantSession("person", person, nil, orgs, mates)
	return r.persons[person], nil
}
