package checks

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
func (e *escalator) write(ctx context.Context, x escalation, seen proof.Exposed) error {
	w, t := e.writer, seen.Table
	victim := tenancy.ParseOwner(seen.Proof.Owner)
	if victim.ID == "" || w.config.Tenancy.Tables[t.String()].SkipWrites || w.scope.writesExcluded(t) {
		return nil
	}
	targets, err := w.rows.Matching(ctx, t, w.model.OwnedBy(t, victim), afterwardsRows)
	if err != nil {
		return err
	}
	for _, target := range targets {
		for _, a := range e.afterwards(t, target) {
			if w.results.Leaks(t.String(), a.operation) {
				continue
			}
			w.results.Cover(countWrite)
			w.results.Tried(t.String(), a.operation)
			err := w.attempts.Write(ctx, x.session, func(tx *session.Tx) error {
				if err := tx.Exec(ctx, x.sql); err != nil {
					return err
				}
				n, err := tx.Affected(ctx, a.sql)
				if err == nil && n > 0 {
					x.report(w.results, t, a.operation, a.evidence)
				}
				return err
			})
			if err != nil && query.SQLState(err) == "" {
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

func (e *escalator) afterwards(t *catalog.Relation, target victims.Target) []afterward {
	w := e.writer
	var list []afterward
	if column := w.harmless(t); column != nil {
		list = append(list, afterward{results.Update, fmt.Sprintf("UPDATE %s a SET %s = %s WHERE %s", t.SQL(),
			query.Name(column.Name), query.Column("a", column.Name), target.Place),
			fmt.Sprintf("updated %s of %s", target.Key, target.Victim)})
	}
	if t.Deletable() {
		list = append(list, afterward{results.Delete, fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), target.Place),
			fmt.Sprintf("deleted %s of %s", target.Key, target.Victim)})
	}
	insert := w.rows.Insert(t, target.Values, victims.NewKeys)
	if t.Insertable() && insert.SQL != "" && w.statesOwner(t) && !w.model.Of(t).AreTenants() {
		list = append(list, afterward{results.Insert, insert.SQL, "inserted a row that belongs to " +
			target.Victim.String()})
	}
	return list
}
