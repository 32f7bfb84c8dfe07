package writing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// moves gives the attacker's own rows to the victim.
type moves struct {
	w       *writer
	ownRows map[ownRowKey]*victims.Target
}

// ownRowKey identifies the row that a Person has a right to.
type ownRowKey struct {
	table  *catalog.Relation
	person string
	kind   tenancy.OwnerKind // of the victim
}

func (m *moves) try(ctx context.Context, a attempt) error {
	o := m.w.model.Of(a.table)
	if a.session.Identity.Person == nil || o.Class != tenancy.ClassTenant && o.Class != tenancy.ClassMembers {
		return nil
	}
	own, err := m.ownRow(ctx, a)
	if err != nil || own == nil && o.Class == tenancy.ClassMembers {
		return err
	}
	sets := m.sets(a, own)
	if sets == "" {
		return nil
	}
	var aims []string
	if own != nil {
		aims = append(aims, " WHERE "+own.Place)
	}
	if m.w.scope.IsSmall(ctx, a.table) {
		aims = append(aims, "")
	}
	for _, where := range aims {
		sql := fmt.Sprintf("UPDATE %s a SET %s%s", a.table.SQL(), sets, where)
		err := m.w.attempts.Write(ctx, a.session,
			func(tx *session.Tx) error { return m.move(ctx, tx, a, moving{own, sql, where == ""}) })
		if held(err) {
			m.w.judgeTaken(ctx, a, results.Update, err)
		}
		if err != nil && !a.outcome.sort(err) {
			return err
		}
		if a.outcome.proven && own != nil {
			return m.w.readJoined(ctx, a, sql)
		}
		if a.outcome.proven {
			return nil
		}
	}
	return nil
}

// sets renders the assignments that make a row the victim's. It is empty where the app role may
// not make them all, or where nothing would change.
func (m *moves) sets(a attempt, own *victims.Target) string {
	o := m.w.model.Of(a.table)
	var sets []string
	for _, name := range o.Columns() {
		c, theirs := a.table.Column(name), a.target.Values[name]
		// The author of an Org's row stays, and so does the Person whom a membership names.
		author := a.target.Victim.IsOrg() && slices.Contains(o.Persons, name) && len(o.Orgs) > 0 && !o.Both
		if author || own != nil && victims.Equal(own.Values[name], theirs) {
			continue
		}
		fixed := c == nil || !c.Update
		if fixed && o.Both {
			continue // one side is enough
		}
		if fixed || c.NotNull && theirs == nil {
			return ""
		}
		sets = append(sets, c.Assign(theirs))
	}
	return strings.Join(sets, ", ")
}

// moving is an UPDATE that moves a row of the attacker's own, nil if there is none yet.
type moving struct {
	own   *victims.Target
	sql   string
	blind bool // it names no row
}

// move updates a row of the attacker's own, which it inserts first if there is none.
func (m *moves) move(ctx context.Context, tx *session.Tx, a attempt, u moving) error {
	if u.own == nil {
		me := tenancy.Tenant{Kind: tenancy.Person, ID: *a.session.Identity.Person}
		mine, err := m.w.rows.Imagine(ctx, a.table, me, []victims.Target{a.target})
		if err != nil || mine == nil {
			return err
		}
		if _, err := tx.Affected(ctx, m.w.rows.Insert(a.table, mine, victims.NewKeys).SQL); err != nil {
			return err
		}
	}
	n, err := tx.Affected(ctx, u.sql)
	if err != nil {
		return err
	}
	a.outcome.tried++
	if n == 0 {
		return nil
	}
	found, err := m.w.prover.Written(ctx, tx, proof.Write{
		Victim: a.target.Victim, Table: a.table, By: tenancy.Placed,
		Stated: u.own != nil && !u.blind && len(a.table.Triggers)+a.table.Rules == 0,
	})
	if found != nil {
		what := ""
		if u.own != nil {
			what = " (" + u.own.Key + ")"
		}
		m.w.leak(ctx, a, results.Update, fmt.Sprintf("moved a row of their own%s to %s", what, found.Owner))
	}
	return err
}

// ownRow returns a row that the session's Person has a right to, with an owner of the victim's
// kind where there is one. It is nil if there is none.
func (m *moves) ownRow(ctx context.Context, a attempt) (*victims.Target, error) {
	i, model := a.session.Identity, m.w.model
	key := ownRowKey{a.table, *i.Person, a.target.Victim.Kind}
	if row, known := m.ownRows[key]; known {
		return row, nil
	}
	owner := func(kind tenancy.OwnerKind, id string) string {
		return query.Literal(tenancy.Tenant{Kind: kind, ID: id}.String())
	}
	person := []string{owner(tenancy.Person, *i.Person)}
	var orgs []string
	for _, org := range i.Orgs {
		orgs = append(orgs, owner(tenancy.Org, org))
	}
	kinds := [][]string{person, orgs}
	if a.target.Victim.IsOrg() {
		kinds = [][]string{orgs, person}
	}
	w := model.IdentitySQL(i)
	m.ownRows[key] = nil
	for _, owners := range kinds {
		if len(owners) == 0 {
			continue
		}
		condition := fmt.Sprintf("%s IN (%s) AND NOT %s", model.Owner(a.table, "a"), strings.Join(owners, ", "),
			model.Foreign(a.table, "a", w, tenancy.Truth))
		if model.Of(a.table).Class == tenancy.ClassMembers {
			condition = model.IsPerson(a.table, "a", model.Membership.Person, w)
		}
		// Rows that name the Person come first, whoever owns them: policies may let them change no
		// other.
		names := "(" + model.Names(a.table, i) + ")"
		conditions := []string{names + " AND " + condition, condition}
		shared := len(model.Of(a.table).Parents) > 0 || tenancy.CoOwner(model, a.table, "a") != ""
		if shared && len(orgs) == 0 {
			conditions = slices.Insert(conditions, 1, names)
		}
		for _, condition := range conditions {
			rows, err := m.w.rows.Matching(ctx, a.table, condition, 1)
			if err != nil {
				return nil, err
			}
			if len(rows) > 0 {
				m.ownRows[key] = &rows[0]
				return m.ownRows[key], nil
			}
		}
	}
	return nil, nil
}
