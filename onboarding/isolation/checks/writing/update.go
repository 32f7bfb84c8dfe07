package writing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// updates changes the victim's row, takes it over, and updates without WHERE.
type updates struct{ w *writer }

func (u *updates) try(ctx context.Context, a attempt) error {
	c := u.w.scope.Harmless(a.table)
	if a.target.Place == "" || c == nil || u.w.ownMembership(a) {
		return nil
	}
	type change struct {
		sets, verb string
		takesOver  bool // the row becomes the session's own
	}
	var changes []change
	takeOvers, err := u.takeOvers(ctx, a)
	if err != nil {
		return err
	}
	for _, sets := range takeOvers {
		changes = append(changes, change{sets, "took over", true})
	}
	changes = append(changes, change{c.Assign(a.target.Values[c.Name]), "updated", false})
	for _, sets := range u.w.transitions(a.table, a.target.Values, a.session) {
		changes = append(changes, change{sets, "updated", false})
	}
	aims := u.w.aims(ctx, a)
	statement := func(sets, where string) string {
		return fmt.Sprintf("UPDATE %s a SET %s%s", a.table.SQL(), sets, where)
	}
	var statements []string
	for _, change := range changes {
		for _, where := range aims {
			statements = append(statements, statement(change.sets, where))
		}
	}
	if err := u.w.attempts.TouchAll(ctx, a.session, statements); err != nil {
		return err
	}
	for _, change := range changes {
		for _, where := range aims {
			sql := statement(change.sets, where)
			err := u.w.attempts.Touch(ctx, a.session, sql, func(tx *session.Tx, rows int) error {
				a.outcome.tried++
				err := u.w.reached(ctx, tx, a, reach{results.Update, change.verb, rows, where == ""})
				if err == nil && a.outcome.proven && change.takesOver {
					return u.w.readTaken(ctx, tx, a)
				}
				return err
			})
			if !a.outcome.sort(err) {
				return err
			}
			if a.outcome.proven && change.takesOver {
				return u.w.readJoined(ctx, a, sql)
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

// takeOvers render assignments that make a row the attacker's own: by naming them or an Org of
// theirs, or a parent that is theirs.
func (u *updates) takeOvers(ctx context.Context, a attempt) ([]string, error) {
	m, t, me := u.w.model, a.table, a.session.Identity.Person
	o := m.Of(t)
	if c := t.Column(m.Membership.OwnerColumn); me != nil && o.Class == tenancy.ClassOrgs && c != nil && c.Update {
		return []string{c.Assign(me)}, nil
	}
	if me == nil || o.Class != tenancy.ClassTenant {
		return nil, nil
	}
	var found []string
	if len(o.Persons) > 0 {
		found = append(found, assignments(t, ownerIDs{o.Orgs, nil}, ownerIDs{o.Persons, me}))
	}
	if orgs := a.session.Identity.Orgs; len(o.Orgs) > 0 && len(orgs) > 0 {
		found = append(found, assignments(t, ownerIDs{o.Orgs, &orgs[0]}))
	}
	for _, p := range o.Parents {
		if p.Kind != "" || p.Period {
			continue
		}
		row, err := u.w.ownKey(ctx, a, p.Table, p.TargetCols)
		if err != nil {
			return nil, err
		}
		var sets []string
		for i, name := range p.Columns {
			if c := t.Column(name); row != nil && c != nil && (c.Update || t.MayElsewhere(catalog.ForUpdate)) {
				sets = append(sets, c.Assign(row[i]))
			}
		}
		if len(sets) == len(p.Columns) {
			found = append(found, strings.Join(sets, ", "))
		}
	}
	return slices.DeleteFunc(found, func(sets string) bool { return sets == "" }), nil
}

// ownerIDs are columns that get one value: the id of a Person or an Org, or nil for NULL.
type ownerIDs struct {
	columns []string
	id      *string
}

// assignments renders what an UPDATE sets. It is empty where the app role may not set a column, or
// one must have a value.
func assignments(t *catalog.Relation, all ...ownerIDs) string {
	var sets []string
	for _, to := range all {
		for _, name := range to.columns {
			c := t.Column(name)
			if c == nil || !c.Update && !t.MayElsewhere(catalog.ForUpdate) || to.id == nil && c.NotNull {
				return ""
			}
			sets = append(sets, c.Assign(to.id))
		}
	}
	return strings.Join(sets, ", ")
}
