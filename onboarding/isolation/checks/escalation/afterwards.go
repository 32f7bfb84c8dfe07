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

// afterwardsRows is how many rows are written to after an escalation: a constraint may hold the first.
const afterwardsRows = 2

// write reports what a session can also write, after an escalation, in a table of which it saw a
// foreign row.
func (e *Escalator) write(ctx context.Context, x Attack, seen proof.Exposed) error {
	t := seen.Table
	victim := tenancy.ParseOwner(seen.Proof.Owner)
	if victim.ID == "" {
		return nil
	}
	targets, err := e.rows.Matching(ctx, t, e.model.OwnedBy(t, victim), afterwardsRows)
	if err != nil {
		return err
	}
	for _, target := range targets {
		for _, a := range e.afterwards(t, target) {
			if e.results.Leaks(t.String(), a.operation) || e.scope.WritesExcluded(t, a.operation) {
				continue
			}
			e.results.CountWrite()
			e.results.Tried(t.String(), a.operation)
			err := e.attempts.Write(ctx, x.Session, func(tx *session.Tx) error {
				if err := tx.Exec(ctx, x.SQL); err != nil {
					return err
				}
				n, err := tx.Affected(ctx, a.sql)
				if err == nil && n > 0 {
					x.report(e.results, t, a.operation, a.evidence)
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

// afterward is a write to a victim's row, whose success is proof.
type afterward struct {
	operation results.Operation
	sql       string
	evidence  string
}

func (e *Escalator) afterwards(t *catalog.Relation, target victims.Target) []afterward {
	var list []afterward
	if column := e.scope.Harmless(t); column != nil {
		list = append(list, afterward{results.Update, fmt.Sprintf("UPDATE %s a SET %s = %s WHERE %s", t.SQL(),
			query.Name(column.Name), query.Column("a", column.Name), target.Place),
			fmt.Sprintf("updated %s of %s", target.Key, target.Victim)})
	}
	if t.Deletable() {
		list = append(list, afterward{results.Delete, fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), target.Place),
			fmt.Sprintf("deleted %s of %s", target.Key, target.Victim)})
	}
	insert := e.rows.Insert(t, target.Values, victims.NewKeys)
	if t.Insertable() && insert.SQL != "" && e.scope.StatesOwner(t) && !e.model.Of(t).AreTenants() {
		list = append(list, afterward{results.Insert, insert.SQL, "inserted a row that belongs to " +
			target.Victim.String()})
	}
	return list
}
