package proof

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// window is a view through which a victim sees their rows of a table that the app role may not read.
type window struct {
	view   *catalog.Relation
	victim tenancy.Tenant
}

// windows are the views through which tenants see a table.
func windows(m *tenancy.Model, of VictimRows) []window {
	var found []window
	for _, view := range m.Catalog.Relations {
		if view.Kind == catalog.View && view.Readable() && view.DefinedOn(of.Table) && m.Of(view).Direct() {
			found = append(found, window{view, of.Victim})
		}
	}
	return found
}

// rowsSQL are the victim's rows as the view shows them.
func (w window) rowsSQL(m *tenancy.Model) string {
	return fmt.Sprintf("SELECT to_jsonb(a)::text FROM %s a WHERE %s ORDER BY 1 LIMIT %d", w.view.SQL(),
		m.OwnedBy(w.view, w.victim), chunkRows)
}

// shown are rows that a victim sees through a window.
type shown struct {
	rows []string
	// steady says that the victim may look, and sees the same each time.
	steady bool
}

// before is what a victim sees through a window while no attempt is under way. It is read twice: what
// changes by itself shows nothing.
func (p *Prover) before(ctx context.Context, w window) (shown, error) {
	if known, ok := p.shown[w]; ok {
		return known, nil
	}
	own, err := p.Victims.Own(ctx, w.victim)
	if err != nil {
		return shown{}, err
	}
	var looks [2][]string
	for i := range looks {
		err = p.Own.Read(ctx, own, func(tx *session.Tx) error {
			looks[i], err = tx.Strings(ctx, w.rowsSQL(p.Model))
			return err
		})
		if lost := query.Lost(err); lost != nil {
			return shown{}, lost
		}
		if err != nil {
			break
		}
	}
	if p.shown == nil {
		p.shown = map[window]shown{}
	}
	p.shown[w] = shown{looks[0], err == nil && slices.Equal(looks[0], looks[1])}
	return p.shown[w], nil
}

// ChangedInView returns the change that the transaction made to a victim's rows of a table, as the
// victim sees it through views of the table, or nil. It is for tables that the app role may not read.
func (p *Prover) ChangedInView(ctx context.Context, tx *session.Tx, of VictimRows) (*Change, error) {
	for _, w := range windows(p.Model, of) {
		before, err := p.before(ctx, w)
		if err != nil {
			return nil, err
		}
		if !before.steady {
			continue
		}
		var after []string
		err = p.Victims.Observe(ctx, tx, of.Victim, func() (err error) {
			after, err = tx.Strings(ctx, w.rowsSQL(p.Model))
			return err
		})
		if err != nil {
			return nil, err
		}
		what := fmt.Sprintf("a row of %s, as they see it through %s", of.Victim, w.view)
		switch gone, added := without(before.rows, after), without(after, before.rows); {
		case len(gone) > 0 && len(added) > 0:
			return &Change{results.Update, what}, nil
		case len(gone) > 0:
			return &Change{results.Delete, what}, nil
		case len(added) > 0:
			return &Change{results.Insert, what}, nil
		}
	}
	return nil, nil
}

// markedSQL counts the rows that a transaction has marked with its id, which others see before it ends:
// those that it updated, deleted or locked. It names one of an owner.
const markedSQL = `SELECT count(*), coalesce(min(%s) FILTER (WHERE %s), '') FROM %s a WHERE a.xmax = %s::text::xid`

// markedRows are a victim's rows of a table in which a transaction made changes.
type markedRows struct {
	VictimRows
	made Counts
}

// marked returns the change that the transaction made to a victim's row of a table that nobody else may
// look at: the truth sees by whom the row is marked. A foreign key marks rows that it locks, too, so more
// of them than the transaction changed prove nothing.
func marked(ctx context.Context, p *Prover, tx *session.Tx, of markedRows) (*Change, error) {
	if !of.Table.HasRowIDs() {
		return nil, nil
	}
	var id *string
	err := tx.QueryRow(ctx, "SELECT pg_current_xact_id_if_assigned()::xid::text").Scan(&id)
	if err != nil || id == nil {
		return nil, err
	}
	var rows int
	var key string
	err = p.Truth.QueryRow(ctx, fmt.Sprintf(markedSQL, p.Model.RowKey(of.Table, "a"),
		p.Model.OwnedBy(of.Table, of.Victim), of.Table.SQL(), query.Literal(*id))).Scan(&rows, &key)
	if err != nil || key == "" || rows > of.made.Updated+of.made.Deleted {
		return nil, err
	}
	operation := results.Update
	if of.made.Updated == 0 {
		operation = results.Delete
	}
	return &Change{operation, key + " of " + of.Victim.String()}, nil
}

// without are the texts of a list that another does not have.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(text string) bool { return slices.Contains(other, text) })
}
