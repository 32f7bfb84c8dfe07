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

// victimView is a view through which a victim sees their rows of a table that the app role may not
// read.
type victimView struct {
	view   *catalog.Relation
	victim tenancy.Tenant
}

// victimViews are the readable views of a table that say whose each row is.
func victimViews(m *tenancy.Model, of VictimRows) []victimView {
	var found []victimView
	for _, view := range m.Catalog.Relations {
		if view.Kind == catalog.View && view.Readable() && view.DefinedOn(of.Table) && m.Of(view).Direct() {
			found = append(found, victimView{view, of.Victim})
		}
	}
	return found
}

// rowsSQL are the victim's rows as the view shows them.
func (v victimView) rowsSQL(m *tenancy.Model) string {
	return fmt.Sprintf("SELECT to_jsonb(a)::text FROM %s a WHERE %s ORDER BY 1 LIMIT %d", v.view.SQL(),
		m.OwnedBy(v.view, v.victim), chunkRows)
}

// viewedRows are the rows that a victim sees through a view.
type viewedRows struct {
	rows []string
	// stable says that the victim may read the view, and saw the same rows twice.
	stable bool
}

// viewed returns what a victim sees through a view while no attempt is under way. It reads the
// view twice, since a change to rows that change by themselves proves nothing.
func (p *Prover) viewed(ctx context.Context, v victimView) (viewedRows, error) {
	if known, ok := p.views[v]; ok {
		return known, nil
	}
	own, err := p.Victims.Own(ctx, v.victim)
	if err != nil {
		return viewedRows{}, err
	}
	var reads [2][]string
	for i := range reads {
		err = p.Own.Read(ctx, own, func(tx *session.Tx) error {
			reads[i], err = tx.Strings(ctx, v.rowsSQL(p.Model))
			return err
		})
		if lost := query.Lost(err); lost != nil {
			return viewedRows{}, lost
		}
		if err != nil {
			break
		}
	}
	if p.views == nil {
		p.views = map[victimView]viewedRows{}
	}
	p.views[v] = viewedRows{reads[0], err == nil && slices.Equal(reads[0], reads[1])}
	return p.views[v], nil
}

// ChangedInView returns the change that the transaction made to a victim's rows of a table, as the
// victim sees it through views of the table, or nil. It is for tables that the app role may not
// read.
func (p *Prover) ChangedInView(ctx context.Context, tx *session.Tx, of VictimRows) (*Change, error) {
	for _, v := range victimViews(p.Model, of) {
		before, err := p.viewed(ctx, v)
		if err != nil {
			return nil, err
		}
		if !before.stable {
			continue
		}
		var after []string
		err = p.Victims.Observe(ctx, tx, of.Victim, func() (err error) {
			after, err = tx.Strings(ctx, v.rowsSQL(p.Model))
			return err
		})
		if err != nil {
			return nil, err
		}
		what := fmt.Sprintf("a row of %s, as they see it through %s", of.Victim, v.view)
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

// markedSQL counts the rows that a transaction has marked with its id: those that it updated,
// deleted or locked. Other transactions see the mark before it ends. It also returns the key of
// one row of an owner.
const markedSQL = `SELECT count(*), coalesce(min(%s) FILTER (WHERE %s), '') FROM %s a WHERE a.xmax = %s::text::xid`

// marked returns the change that the transaction made to a victim's row of a table that no session
// may read, or nil: the auditor sees which transaction marked the row. made is what the
// transaction changed in the table. A foreign key marks rows that it locks, too, so more of them
// than were changed prove nothing.
func (of VictimRows) marked(ctx context.Context, p *Prover, tx *session.Tx, made Counts) (*Change, error) {
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
	if err != nil || key == "" || rows > made.Updated+made.Deleted {
		return nil, err
	}
	operation := results.Update
	if made.Updated == 0 {
		operation = results.Delete
	}
	return &Change{operation, key + " of " + of.Victim.String()}, nil
}

// without are the texts of a list that another does not have.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(text string) bool { return slices.Contains(other, text) })
}
