package victims

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Own returns a session of a victim's own: of the Person, or of a present member who acts in the
// Org, its owner first.
func (v *Victims) Own(ctx context.Context, victim tenancy.Tenant) (session.Session, error) {
	nobody := session.Session{Kind: session.Anonymous, User: new(""), Org: new("")}
	if !victim.IsOrg() {
		s, err := v.SessionOf(ctx, victim.ID)
		if errors.Is(err, pgx.ErrNoRows) {
			return nobody, nil // the platform opens no session for them
		}
		return s, err
	}
	m, owns := v.config.Model, ""
	if owner := m.Membership.OwnerColumn; owner != "" {
		owns = fmt.Sprintf("EXISTS (SELECT FROM %s o WHERE %s = person AND %s = org) DESC, ",
			m.Orgs.Table.SQL(), query.Column("o", owner), query.Column("o", m.Orgs.ID))
	}
	persons, err := query.Strings(ctx, v.config.Truth, fmt.Sprintf("WITH mem AS (%s) SELECT person::text FROM mem "+
		"WHERE org::text = %s AND present AND %s ORDER BY %s1 LIMIT 1", m.MembersSQL(), query.Literal(victim.ID),
		v.lister().OpensIn("mem.person", "mem.org"), owns))
	if err != nil || len(persons) == 0 {
		nobody.Org = &victim.ID
		return nobody, err
	}
	s, err := v.SessionOf(ctx, persons[0])
	if err != nil {
		return s, err
	}
	return v.lister().In(ctx, s, victim.ID)
}

// maxRoles bounds the members of an Org who differ in what the membership says of them.
const maxRoles = 6

// members returns sessions of present members of an Org who act in it: one for each role, or
// whatever else sets memberships apart.
func (v *Victims) members(ctx context.Context, org tenancy.Tenant) ([]session.Session, error) {
	ms := v.config.Model.Membership
	if ms.Table == nil {
		return nil, nil
	}
	var apart []string
	for _, c := range ms.Table.Columns {
		if trait(ms.Table, c) {
			apart = append(apart, query.Column("m", c.Name))
		}
	}
	if len(apart) == 0 {
		return nil, nil
	}
	person := query.Column("m", ms.Person)
	persons, err := query.Strings(ctx, v.config.Truth, fmt.Sprintf("SELECT min(%s::text) FROM %s m "+
		"WHERE %s::text = %s AND (%s) GROUP BY %s ORDER BY 1 LIMIT %d", person, ms.Table.SQL(),
		query.Column("m", ms.Org), query.Literal(org.ID), ms.Present("m"), strings.Join(apart, ", "), maxRoles))
	if err != nil {
		return nil, err
	}
	var sessions []session.Session
	for _, id := range persons {
		s, err := v.SessionOf(ctx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s, err = v.lister().In(ctx, s, org.ID); err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// OwnSessions are the sessions in which a victim may see their rows: without an Org, with the
// Org's setting never set, and in an Org of theirs; of an Org, a member of each role.
func (v *Victims) OwnSessions(ctx context.Context, victim tenancy.Tenant) ([]session.Session, error) {
	own, err := v.Own(ctx, victim)
	if err != nil {
		return nil, err
	}
	sessions := []session.Session{own}
	if victim.IsOrg() {
		members, err := v.members(ctx, victim)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, members...)
	}
	if !v.config.Settings.HasOrg() {
		return sessions, nil
	}
	unset := own
	unset.Org = nil
	sessions = append(sessions, unset)
	for _, org := range own.Identity.Orgs[:min(1, len(own.Identity.Orgs))] {
		acting, err := v.lister().In(ctx, own, org)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, acting)
	}
	return sessions, nil
}

// Observe calls f inside an attacker's transaction with the identity of the victim, who sees their
// rows as the transaction has changed them.
func (v *Victims) Observe(ctx context.Context, tx *session.Tx, victim tenancy.Tenant, f func() error) error {
	own, err := v.Own(ctx, victim)
	if err != nil {
		return err
	}
	return tx.Impersonate(ctx, own, f)
}

// Acting returns the session of a Person who acts in an Org of theirs.
func (v *Victims) Acting(ctx context.Context, person, org string) (session.Session, error) {
	return v.session(ctx, memberOf(person, org))
}
