package proof

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Counts are numbers of rows that a transaction inserted, updated and deleted.
type Counts struct{ Inserted, Updated, Deleted int }

// Since returns what was changed since earlier counts.
func (c Counts) Since(before Counts) Counts {
	return Counts{c.Inserted - before.Inserted, c.Updated - before.Updated, c.Deleted - before.Deleted}
}

// changesSQL counts what the transaction, and others before it on the same connection, changed in
// each table. The server counts it whoever may read the table (PostgreSQL manual, The Cumulative
// Statistics System).
const changesSQL = `
SELECT relid, n_tup_ins, n_tup_upd, n_tup_del FROM pg_catalog.pg_stat_xact_user_tables
 WHERE n_tup_ins + n_tup_upd + n_tup_del > 0`

// Counts returns what was changed so far, by table. Partitions count as their table. Callers
// compare what it returns before and after an attempt.
func (p *Prover) Counts(ctx context.Context, tx *session.Tx) (map[*catalog.Relation]Counts, error) {
	rows, err := tx.Query(ctx, changesSQL)
	if err != nil {
		return nil, err
	}
	changed := map[*catalog.Relation]Counts{}
	var oid uint32
	var n Counts
	_, err = pgx.ForEachRow(rows, []any{&oid, &n.Inserted, &n.Updated, &n.Deleted}, func() error {
		t := p.Model.Catalog.Relation(oid)
		for t != nil && t.Partition && p.Model.Catalog.Relation(t.Parent) != nil {
			t = p.Model.Catalog.Relation(t.Parent)
		}
		if t != nil {
			sum := changed[t]
			changed[t] = Counts{sum.Inserted + n.Inserted, sum.Updated + n.Updated, sum.Deleted + n.Deleted}
		}
		return nil
	})
	return changed, err
}

// Change is a change to another tenant's row.
type Change struct {
	Operation results.Operation
	What      string // which row of whom, for people
}

// VictimRows are a victim's rows of a table.
type VictimRows struct {
	Victim tenancy.Tenant
	Table  *catalog.Relation
	// Only is a condition, on the alias a, that narrows them down. Empty: all of them.
	Only string
}

// Changed returns the change that the transaction made to one of a victim's rows, as the victim
// sees it, or nil. made is what the transaction changed in the table.
func (p *Prover) Changed(ctx context.Context, tx *session.Tx, of VictimRows, made Counts) (*Change, error) {
	if person := tx.Session.Identity.Person; p.Model.Of(of.Table).Both && person != nil {
		// What is the session's, too, is theirs to delete.
		of.Only = tenancy.CoOwner(p.Model, of.Table, "a") + " IS DISTINCT FROM " + query.Literal(*person)
	}
	before, seen, err := p.OwnRows(ctx, of)
	if err != nil {
		return nil, err
	}
	if !seen {
		change, err := p.ChangedInView(ctx, tx, of)
		if change != nil || err != nil || made.Updated+made.Deleted == 0 {
			return change, err
		}
		return of.marked(ctx, p, tx, made)
	}
	// Of a row with two sides, one may change whose the other is.
	if made.Deleted > 0 || made.Updated > 0 && !p.Model.Of(of.Table).Both {
		after, err := of.countAfter(ctx, p, tx)
		if err != nil {
			return nil, err
		}
		operation := results.Update // that takes rows away from the victim, or hides them
		if made.Deleted > 0 {
			operation = results.Delete
		}
		if after < before {
			return &Change{operation, results.Plural(before-after, "row") + " of " + of.Victim.String()}, nil
		}
	}
	if made.Inserted+made.Updated == 0 {
		return nil, nil
	}
	written := Write{Victim: of.Victim, Table: of.Table, By: tenancy.Changed}
	operation := results.Update
	if made.Inserted > 0 {
		written.By, operation = tenancy.Placed, results.Insert
	}
	found, err := p.Written(ctx, tx, written)
	if err != nil || found == nil {
		return nil, err
	}
	return &Change{operation, found.Key + " of " + found.Owner}, nil
}

// countAfter counts the rows that a victim sees as theirs inside the transaction.
func (of VictimRows) countAfter(ctx context.Context, p *Prover, tx *session.Tx) (after int, err error) {
	count, err := p.countSQL(ctx, of)
	if err != nil {
		return 0, err
	}
	err = p.Victims.Observe(ctx, tx, of.Victim, func() error { return tx.QueryRow(ctx, count).Scan(&after) })
	return after, err
}

func (p *Prover) countSQL(ctx context.Context, of VictimRows) (string, error) {
	theirs, err := p.ownedBy(ctx, of)
	return fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", of.Table.SQL(), theirs), err
}

// ownedRows is how many rows of a table a victim sees as theirs, or that they may not look.
type ownedRows struct {
	rows int
	seen bool
}

// OwnRows counts the rows that a victim's own session sees as theirs. seen says whether it may
// look at all.
func (p *Prover) OwnRows(ctx context.Context, of VictimRows) (rows int, seen bool, err error) {
	if known, ok := p.owned[of]; ok {
		return known.rows, known.seen, nil
	}
	own, err := p.Victims.Own(ctx, of.Victim)
	if err != nil {
		return 0, false, err
	}
	count, err := p.countSQL(ctx, of)
	if err != nil {
		return 0, false, err
	}
	var n int
	err = p.Own.Read(ctx, own, func(tx *session.Tx) error { return tx.QueryRow(ctx, count).Scan(&n) })
	if query.Lost(err) != nil {
		return 0, false, err
	}
	if p.owned == nil {
		p.owned = map[VictimRows]ownedRows{}
	}
	p.owned[of] = ownedRows{n, err == nil}
	return n, err == nil, nil
}
