package victims

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxConcerned bounds the Persons whom rows of one table concern, and maxKinds the kinds of
	// rows of which they are chosen.
	maxConcerned, maxKinds = 6, 200
	// concernedOf is how many rows of a table are looked at for them.
	concernedOf = 50000
)

// Concerned finds attackers whom the rows of tables that policies query concern, such as
// invitations.
type Concerned struct {
	victims  *Victims
	sessions map[concern][]session.Session
	persons  map[string][]concerned // by the query for them
	asked    map[concern]catalog.Asked
	words    map[*catalog.Column][]string // values of columns
}

// NewConcerned returns a finder of attackers on victims.
func NewConcerned(v *Victims) *Concerned {
	return &Concerned{
		victims: v, sessions: map[concern][]session.Session{}, persons: map[string][]concerned{},
		asked: map[concern]catalog.Asked{}, words: map[*catalog.Column][]string{},
	}
}

// concern is what attackers are chosen for: a command on a table, or a source.
type concern struct {
	of      any
	command catalog.Command
	victim  tenancy.Tenant
}

// concerned is a Person whom a row concerns, with what tells the row from others.
type concerned struct {
	person string
	kind   []*string
}

// Sessions returns sessions of Persons who have nothing to do with a victim, and whom rows concern
// that the policies and triggers of a table for a command ask, such as a role or an invitation
// elsewhere: of each table asked, one Person for each kind of row that these tell apart.
func (c *Concerned) Sessions(
	ctx context.Context, t *catalog.Relation, command catalog.Command, victim tenancy.Tenant,
) ([]session.Session, error) {
	asked := func() catalog.Asked { return c.victims.config.Model.Catalog.AskedByWrite(t, command) }
	return c.byAsked(ctx, concern{t, command, victim}, asked)
}

// By is [Concerned.Sessions] for what the source of a function or of a view asks.
func (c *Concerned) By(ctx context.Context, source string, victim tenancy.Tenant) ([]session.Session, error) {
	asked := func() catalog.Asked { return c.victims.config.Model.Catalog.AskedIn(source) }
	return c.byAsked(ctx, concern{of: source, victim: victim}, asked)
}

func (c *Concerned) byAsked(
	ctx context.Context, key concern, ask func() catalog.Asked,
) ([]session.Session, error) {
	if known, ok := c.sessions[key]; ok {
		return known, nil
	}
	v, victim := c.victims, key.victim
	known, err := v.Attackers(ctx, victim)
	if err != nil {
		return nil, err
	}
	var sessions []session.Session
	of := concern{of: key.of, command: key.command}
	asked, ok := c.asked[of]
	if !ok {
		asked = ask()
		c.asked[of] = asked
	}
	likeliest := func(a, b concerned) int { return cmp.Compare(asked.Constants(b.kind), asked.Constants(a.kind)) }
	var all []concerned
	for _, r := range asked.Tables {
		found, err := c.by(ctx, r, asked, victim)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(found, likeliest)
		all = append(all, found[:min(maxConcerned, len(found))]...)
	}
	slices.SortStableFunc(all, likeliest)
	for _, one := range all {
		more, err := c.of(ctx, one.person, victim)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, more...)
	}
	sessions = slices.DeleteFunc(sessions, func(s session.Session) bool {
		isKnown := func(k session.Session) bool { return k.Key() == s.Key() }
		new := v.config.Settings.Allows(s) && !slices.ContainsFunc(known, isKnown)
		known = append(known[:len(known):len(known)], s)
		return !new
	})
	c.sessions[key] = sessions
	return sessions, nil
}

// of returns sessions of a Person, without an Org, in an Org of theirs and in a foreign one.
func (c *Concerned) of(ctx context.Context, p string, victim tenancy.Tenant) ([]session.Session, error) {
	v := c.victims
	plain, err := v.SessionOf(ctx, p)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil // the platform opens no session for them
	}
	if err != nil {
		return nil, err
	}
	attackers := []attacker{{session.Person, p, "", "Person " + p}}
	if orgs := plain.Identity.Orgs; len(orgs) > 0 && v.config.Settings.HasOrg() {
		attackers = append(attackers, memberOf(p, orgs[0]))
		if victim.IsOrg() {
			attackers = append(attackers, rivalTo(victim.ID, p))
		}
	}
	return v.sessionsOf(ctx, attackers)
}

// by returns a Person for each kind of row of a table that is asked: one of the attackers if there
// is any, or else the first.
func (c *Concerned) by(
	ctx context.Context, r *catalog.Relation, asked catalog.Asked, victim tenancy.Tenant,
) ([]concerned, error) {
	v, m := c.victims, c.victims.config.Model
	kind, err := c.kind(ctx, r, asked)
	if err != nil {
		return nil, err
	}
	rows := c.concerning(r, asked, kind, victim)
	if len(rows) == 0 {
		return nil, nil
	}
	var known []string
	for _, s := range v.attackers[victim] {
		if s.Identity.Person != nil {
			known = append(known, *s.Identity.Person)
		}
	}
	id, them := query.Column("u", m.Users.ID), query.Literal(victim.ID)
	related := "SELECT person::text FROM mem WHERE org::text = " + them
	if !victim.IsOrg() {
		related = fmt.Sprintf("SELECT %[1]s UNION ALL SELECT person::text FROM mem WHERE present AND org IN "+
			"(SELECT org FROM mem WHERE present AND person::text = %[1]s)", them)
	}
	sql := fmt.Sprintf(`WITH mem AS MATERIALIZED (%[1]s), found AS MATERIALIZED (%[2]s),
		related(person) AS (%[6]s UNION ALL SELECT person FROM found WHERE of_victim)
		SELECT person, kind FROM (SELECT DISTINCT ON (f.kind) f.person, f.kind
			FROM found f JOIN %[3]s u ON %[4]s::text = f.person
			WHERE %[5]s AND NOT EXISTS (SELECT FROM related r WHERE r.person = f.person)
			ORDER BY f.kind, f.person = ANY(%[7]s::text[]) DESC, f.person) s
		ORDER BY kind LIMIT %[8]d`, m.MembersSQL(), strings.Join(rows, " UNION ALL "), m.Users.Table.SQL(), id,
		v.lister().Opens(id), related, query.Array(known), maxKinds)
	if found, ok := c.persons[sql]; ok {
		return slices.Clone(found), nil
	}
	answer, err := v.config.Truth.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	var found []concerned
	var one concerned
	_, err = pgx.ForEachRow(answer, []any{&one.person, &one.kind}, func() error {
		found, one = append(found, one), concerned{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.persons[sql] = found
	return slices.Clone(found), nil
}
