package escalation

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// maxTargets is how many rows of a victim are written to: a constraint may stop the write to the
// first.
const maxTargets = 2

// writeAfter reports what a session can also write, after an attack, in a table of which it saw a
// victim's row.
func (e *Escalator) writeAfter(ctx context.Context, x Attack, seen proof.Exposed) error {
	t := seen.Table
	victim := tenancy.ParseOwner(seen.Proof.Owner)
	if victim.ID == "" {
		return nil
	}
	targets, err := e.rows.Matching(ctx, t, e.model.OwnedBy(t, victim), maxTargets)
	if err != nil {
		return err
	}
	for _, target := range targets {
		for _, w := range e.writes(t, target) {
			if e.results.Leaks(t.String(), w.operation) || e.scope.WritesExcluded(t, w.operation) {
				continue
			}
			e.results.CountWrite()
			e.results.Tried(t.String(), w.operation)
			err := e.attempts.Write(ctx, x.Session, func(tx *session.Tx) error {
				if err := tx.Exec(ctx, x.SQL); err != nil {
					return err
				}
				n, err := tx.Affected(ctx, w.sql)
				if err == nil && n > 0 {
					x.report(e.results, t, w.operation, w.evidence)
				}
				return err
			})
			if query.Lost(err) != nil {
				return err
			}
		}
	}
	return nil
}

// write is a statement that is proof of a leak once it affects a row.
type write struct {
	operation results.Operation
	sql       string
	evidence  string
}

// writes change and delete a victim's row, and insert one like it.
func (e *Escalator) writes(t *catalog.Relation, target victims.Target) []write {
	var list []write
	if column := e.scope.Harmless(t); column != nil {
		list = append(list, write{results.Update, fmt.Sprintf("UPDATE %s a SET %s = %s WHERE %s", t.SQL(),
			query.Name(column.Name), query.Column("a", column.Name), target.Place),
			fmt.Sprintf("updated %s of %s", target.Key, target.Victim)})
	}
	if t.Deletable() {
		list = append(list, write{results.Delete, fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), target.Place),
			fmt.Sprintf("deleted %s of %s", target.Key, target.Victim)})
	}
	insert := e.rows.Insert(t, target.Values, victims.NewKeys)
	if t.Insertable() && insert.SQL != "" && e.scope.StatesOwner(t) && !e.model.Of(t).AreTenants() {
		list = append(list, write{results.Insert, insert.SQL, "inserted a row that belongs to " +
			target.Victim.String()})
	}
	return list
}
