package victims

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// chosenPerVictim bounds how many combinations of other settings attack a victim. Those that
	// opened a read come first, then the literals that stand beside a setting.
	chosenPerVictim = 6
	// openedPerVictim bounds the sessions of [Victims.openedInOrg].
	openedPerVictim = 2
	// sessionsPerRole is how many sessions take on each role.
	sessionsPerRole = 2
)

// Attackers returns sessions that have no right to a victim's rows, strangers first.
func (v *Victims) Attackers(ctx context.Context, victim tenancy.Tenant) ([]session.Session, error) {
	if known, ok := v.attackers[victim]; ok {
		return known, nil
	}
	plain, err := plainAgainst(ctx, v, victim)
	if err != nil {
		return nil, err
	}
	sessions := append(slices.Clone(plain), inRoles(v, plain)...)
	chosen := v.WithChosenSettings(plain[:1])
	slices.SortStableFunc(chosen, func(a, b session.Session) int {
		return cmp.Compare(v.opened[b.ChosenKey()], v.opened[a.ChosenKey()])
	})
	sessions = append(sessions, chosen[:min(chosenPerVictim, len(chosen))]...)
	sessions = slices.Concat(sessions, v.openedInOrg(plain), v.readers[victim])
	v.attackers[victim] = sessions
	return sessions, nil
}

// InRoles returns sessions that have no right to a victim's rows, in each role that they can
// become.
func InRoles(ctx context.Context, v *Victims, victim tenancy.Tenant) ([]session.Session, error) {
	plain, err := plainAgainst(ctx, v, victim)
	return inRoles(v, plain), err
}

// inRoles are strangers in each role, and a member of another Org, who may have the role there.
func inRoles(v *Victims, plain []session.Session) []session.Session {
	chosen := slices.Clone(plain[:min(sessionsPerRole, len(plain))])
	rest := plain[len(chosen):]
	if i := slices.IndexFunc(rest, func(s session.Session) bool { return s.Kind == session.Member }); i >= 0 {
		chosen = append(chosen, rest[i])
	}
	var sessions []session.Session
	for _, role := range v.config.Roles {
		for _, s := range chosen {
			sessions = append(sessions, s.As(role))
		}
	}
	return sessions
}

// plainAgainst returns sessions that have no right to a victim's rows, in the app role and with no
// other settings.
func plainAgainst(ctx context.Context, v *Victims, victim tenancy.Tenant) ([]session.Session, error) {
	find := v.againstPerson
	if victim.IsOrg() {
		find = v.againstOrg
	}
	plain, err := find(ctx, victim.ID)
	plain = append(plain, session.Unset, session.Empty)
	return slices.DeleteFunc(plain, func(s session.Session) bool { return !v.config.Settings.Allows(s) }), err
}

// openedInOrg returns sessions of somebody who acts in an Org of theirs, with other settings that
// opened a read. Such a session may be able to move rows that it reads into that Org.
func (v *Victims) openedInOrg(plain []session.Session) []session.Session {
	member := slices.IndexFunc(plain, func(s session.Session) bool { return s.Kind == session.Member })
	if member < 0 || len(v.opened) == 0 {
		return nil
	}
	chosen := slices.DeleteFunc(v.WithChosenSettings(plain[member:member+1]), func(s session.Session) bool {
		return s.Identity.Person == nil || v.opened[s.ChosenKey()] == 0
	})
	return chosen[:min(openedPerVictim, len(chosen))]
}

// WithChosenSettings returns the first of some sessions, and one without an identity, with other
// settings set to values that may open something.
func (v *Victims) WithChosenSettings(base []session.Session) []session.Session {
	if len(base) == 0 {
		base = []session.Session{session.Empty}
	}
	return v.config.Chosen.Sessions(base[0], session.Known{Victims: v.list, Names: v.names, Columns: v.columns})
}

// NoteRead records that a session read a row of another tenant's in a table: who may read it, or
// what opened the read, may be able to write, too.
func (v *Victims) NoteRead(s session.Session, t *catalog.Relation, owner string) {
	if len(s.Extra) > 0 {
		v.opened[s.ChosenKey()]++
	}
	if tenant := tenancy.ParseOwner(owner); tenant.ID != "" {
		v.readers[tenant] = append(v.readers[tenant], s)
		v.read[t] = append(v.read[t], tenant)
	}
}

// pair is a Person and an Org.
type pair struct{ person, org string }

// firstPair returns the first row of a query on the memberships mem, and whether there is one.
// Its columns are a Person and an Org.
func (v *Victims) firstPair(ctx context.Context, sql string) (p pair, found bool, err error) {
	members := "WITH mem AS MATERIALIZED (" + v.config.Model.MembersSQL() + ") "
	err = v.config.Truth.QueryRow(ctx, members+sql).Scan(&p.person, &p.org)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, false, nil
	}
	return p, err == nil, err
}

// ownersFirst orders Persons so those with rows of their own come first: they have something to
// move.
func (v *Victims) ownersFirst(id string) string {
	return fmt.Sprintf("(%s::text = ANY(%s::text[])) DESC", id, query.Array(v.Persons()))
}

// attacker is a Person's session.
type attacker struct {
	kind   session.Kind
	person string
	org    string // that the session acts in or claims, or empty
	label  string
}

// memberOf is a Person who acts in an Org of theirs.
func memberOf(person, org string) attacker {
	return attacker{session.Member, person, org, fmt.Sprintf("Person %s acting in their Org %s", person, org)}
}

// rivalTo is a member of another Org who claims to act in a victim.
func rivalTo(victim, person string) attacker {
	return attacker{session.Rival, person, victim,
		fmt.Sprintf("Person %s, a member elsewhere, claiming foreign Org %s", person, victim)}
}

func (v *Victims) session(ctx context.Context, a attacker) (session.Session, error) {
	s, err := v.SessionOf(ctx, a.person)
	if err == nil && a.kind == session.Member {
		s, err = v.lister().In(ctx, s, a.org)
	}
	inOrg := s.Kind == session.Member && a.org == "" // the platform opens no session without an Org
	if inOrg && a.kind == session.Person {
		return s, err
	}
	if s.Kind, s.Label = a.kind, a.label; !inOrg {
		s.Org = &a.org
	}
	return s, err
}

func (v *Victims) sessionsOf(ctx context.Context, attackers []attacker) ([]session.Session, error) {
	var sessions []session.Session
	for _, a := range attackers {
		s, err := v.session(ctx, a)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// againstPerson returns a stranger, at best one whom no row of the victim's names, and a Person
// who shares an Org with the victim and acts in it.
func (v *Victims) againstPerson(ctx context.Context, victim string) ([]session.Session, error) {
	m := v.config.Model
	id, person := query.Column("u", m.Users.ID), m.PersonLiteral(victim)
	var attackers []attacker
	stranger, found, err := v.firstPair(ctx, fmt.Sprintf(`SELECT %[1]s::text, '' FROM %[2]s u
		WHERE %[1]s <> %[3]s AND %[5]s AND NOT EXISTS (SELECT FROM mem a JOIN mem b ON a.org = b.org
			WHERE a.present AND b.present AND a.person = %[1]s AND b.person = %[3]s)
		ORDER BY %[6]s, %[4]s, 1 LIMIT 1`, id, m.Users.Table.SQL(), person, v.ownersFirst(id), v.lister().Opens(id),
		tenancy.NamedBy(m, tenancy.Tenant{Kind: tenancy.Person, ID: victim}, id)))
	if err != nil {
		return nil, err
	}
	if found {
		attackers = append(attackers, attacker{session.Person, stranger.person, "", "Person " + stranger.person})
	}
	if !m.HasOrgs() {
		return v.sessionsOf(ctx, attackers)
	}
	other, found, err := v.firstPair(ctx, fmt.Sprintf(`SELECT b.person::text, b.org::text FROM mem a JOIN mem b
		ON a.org = b.org AND a.person <> b.person WHERE a.present AND b.present AND a.person = %s AND %s
		ORDER BY b.person::text || ' ' || b.org::text LIMIT 1`, person, v.lister().OpensIn("b.person", "b.org")))
	if err != nil {
		return nil, err
	}
	if found {
		label := fmt.Sprintf("Person %s acting in Org %s, which both belong to", other.person, other.org)
		attackers = append(attackers, attacker{session.Member, other.person, other.org, label})
	}
	return v.sessionsOf(ctx, attackers)
}

// againstOrg returns a stranger and a member of another Org, each with and without a claim to
// the victim, a former member likewise, and anonymous sessions that claim it.
func (v *Victims) againstOrg(ctx context.Context, victim string) ([]session.Session, error) {
	m := v.config.Model
	id, org := query.Column("u", m.Users.ID), query.Literal(victim)+"::"+m.Orgs.Type
	them := tenancy.Tenant{Kind: tenancy.Org, ID: victim}
	var attackers []attacker
	stranger, found, err := v.firstPair(ctx, fmt.Sprintf(`SELECT %[1]s::text, '' FROM %[2]s u
		WHERE %[5]s AND NOT EXISTS (SELECT FROM mem WHERE mem.org = %[3]s AND mem.person = %[1]s)
		ORDER BY %[6]s, EXISTS (SELECT FROM mem WHERE mem.person = %[1]s), %[4]s, 1 LIMIT 1`,
		id, m.Users.Table.SQL(), org, v.ownersFirst(id), v.lister().Opens(id), tenancy.NamedBy(m, them, id)))
	if err != nil {
		return nil, err
	}
	if p := stranger.person; found {
		attackers = append(attackers, attacker{session.Person, p, "", "Person " + p},
			attacker{session.Stranger, p, victim, fmt.Sprintf("Person %s claiming foreign Org %s", p, victim)})
	}
	for _, where := range slices.Concat([]string{"true"}, tenancy.Near(m.Orgs, "o.org", victim)) {
		rival, found, err := v.firstPair(ctx, fmt.Sprintf(`SELECT o.person::text, o.org::text FROM mem o
			WHERE o.present AND o.org <> %[1]s AND %[2]s AND %[4]s
			AND NOT EXISTS (SELECT FROM mem x WHERE x.present AND x.org = %[1]s AND x.person = o.person)
			ORDER BY %[3]s, o.person::text || ' ' || o.org::text LIMIT 1`, org, v.lister().OpensIn("o.person", "o.org"),
			tenancy.NamedBy(m, them, "o.person")+", "+tenancy.LeadersFirst(m, "o.person", "o.org"), where))
		if err != nil {
			return nil, err
		}
		if acting := memberOf(rival.person, rival.org); found && !slices.Contains(attackers, acting) {
			attackers = append(attackers, acting, rivalTo(victim, rival.person))
		}
	}
	former, found, err := v.firstPair(ctx, fmt.Sprintf(`SELECT person::text, '' FROM mem
		WHERE org = %[1]s AND NOT present AND %[2]s
			AND NOT EXISTS (SELECT FROM mem p WHERE p.org = %[1]s AND p.person = mem.person AND p.present)
		ORDER BY 1 LIMIT 1`, org, v.lister().Opens("mem.person")))
	if err != nil {
		return nil, err
	}
	if p := former.person; found {
		attackers = append(attackers, attacker{session.Departed, p, "",
			fmt.Sprintf("Person %s, who left Org %s", p, victim)},
			attacker{session.Former, p, victim, fmt.Sprintf("Person %s claiming Org %s, which they left", p, victim)})
	}
	sessions, err := v.sessionsOf(ctx, attackers)
	if err != nil {
		return nil, err
	}
	return append(sessions, session.Unset.Claiming(victim), session.Empty.Claiming(victim)), nil
}
