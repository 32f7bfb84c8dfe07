package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// updates changes the victim's row, takes it over, and updates without WHERE.
type updates struct{ w *writer }

func (u *updates) try(ctx context.Context, a attempt) error {
	c := u.w.harmless(a.table)
	if a.target.Place == "" || c == nil || u.w.ownMembership(a) {
		return nil
	}
	type change struct {
		sets, verb string
		takesOver  bool // the row becomes the session's own
	}
	var changes []change
	if sets := u.takeOver(a); sets != "" {
		changes = append(changes, change{sets, "took over", true})
	}
	changes = append(changes, change{c.Assign(a.target.Values[c.Name]), "updated", false})
	for _, change := range changes {
		for _, where := range u.w.aims(ctx, a) {
			err := u.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error {
				n, err := tx.Affected(ctx, fmt.Sprintf("UPDATE %s a SET %s%s", a.table.SQL(), change.sets, where))
				if err != nil {
					return err
				}
				a.outcome.tried++
				err = u.w.reached(ctx, tx, a, reach{results.Update, change.verb, n, where == ""})
				if err == nil && a.outcome.proven && change.takesOver {
					return u.w.readTaken(ctx, tx, a)
				}
				return err
			})
			if err != nil && !a.outcome.sort(err) {
				return err
			}
			if a.outcome.proven && change.takesOver {
				return u.w.readJoined(ctx, a, fmt.Sprintf("UPDATE %s a SET %s%s", a.table.SQL(), change.sets, where))
			}
			if a.outcome.proven {
				return nil
			}
		}
	}
	return nil
}

// readTaken reports that a session reads the row that it made its own.
func (w *writer) readTaken(ctx context.Context, tx *session.Tx, a attempt) error {
	if !a.table.Readable() || w.model.IsDirectory(a.table) || w.results.Leaks(a.table.String(), results.Read) {
		return nil
	}
	if w.model.PublicRows(a.table) != "" && a.target.Place != "" {
		var public bool
		err := w.prover.Truth.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s AND %s)",
			a.table.SQL(), a.target.Place, w.model.Public(a.table, "a"))).Scan(&public)
		if public || err != nil {
			return err
		}
	}
	sees, err := w.prover.SeesWritten(ctx, tx, a.table)
	if sees {
		w.leak(ctx, a, results.Read, fmt.Sprintf("read %s of %s after taking it over", a.target.Key, a.target.Victim))
	}
	return err
}

// harmless returns the column to update with the value that it has, best one that no key or
// policy depends on. It is nil if the app role may update none.
func (w *writer) harmless(t *catalog.Relation) *catalog.Column {
	keys := w.model.Of(t).Columns()
	for _, key := range t.Unique {
		keys = append(keys, key...)
	}
	for _, fk := range t.ForeignKeys {
		keys = append(keys, fk.Columns...)
	}
	var any, best *catalog.Column
	for _, c := range t.Columns {
		if !c.Update && !t.Elsewhere || c.Generated {
			continue
		}
		any = c
		if !slices.Contains(keys, c.Name) && (best == nil || best.Category != catalog.String &&
			c.Category == catalog.String) {
			best = c
		}
	}
	if best != nil {
		return best
	}
	return any
}

// takeOver renders assignments that make a row the attacker's own. It is empty where there are
// none.
func (u *updates) takeOver(a attempt) string {
	m, t, me := u.w.model, a.table, a.session.Identity.Person
	o := m.Of(t)
	if c := t.Column(m.Membership.OwnerColumn); me != nil && o.Class == tenancy.ClassOrgs && c != nil && c.Update {
		return c.Assign(me)
	}
	if me == nil || o.Class != tenancy.ClassTenant || len(o.Persons) == 0 {
		return ""
	}
	var sets []string
	for _, name := range o.Orgs {
		c := t.Column(name)
		if c == nil || !c.Update || c.NotNull {
			return ""
		}
		sets = append(sets, query.Name(name)+" = NULL")
	}
	for _, name := range o.Persons {
		c := t.Column(name)
		if c == nil || !c.Update {
			return ""
		}
		sets = append(sets, c.Assign(me))
	}
	return strings.Join(sets, ", ")
}
