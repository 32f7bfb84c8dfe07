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
	rows, err := tx.Pgx().Query(ctx, changesSQL)
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

// Changed returns the change that the transaction made to a row of the victim's in a table, as the
// victim sees it. made is what the transaction changed in the table. seen says whether the victim
// may look at all.
func (p *Prover) Changed(ctx context.Context, tx *session.Tx, v tenancy.Tenant, t *catalog.Relation, made Counts) (
	change *Change, seen bool, err error,
) {
	before, seen, err := p.OwnRows(ctx, v, t)
	if err != nil || !seen {
		return nil, false, err
	}
	if made.Deleted > 0 {
		var after int
		err := p.Victims.Observe(ctx, tx, v, func() error {
			return tx.QueryRow(ctx, p.countSQL(v, t)).Scan(&after)
		})
		if err != nil {
			return nil, true, err
		}
		if after < before {
			return &Change{results.Delete, results.Plural(before-after, "row") + " of " + v.String()}, true, nil
		}
	}
	written := Write{Victim: v, Table: t, By: tenancy.Changed}
	operation := results.Update
	if made.Inserted > 0 {
		written.By, operation = tenancy.Placed, results.Insert
	}
	if made.Inserted+made.Updated == 0 {
		return nil, true, nil
	}
	found, err := p.Written(ctx, tx, written)
	if err != nil || found == nil {
		return nil, true, err
	}
	return &Change{operation, found.Key + " of " + found.Owner}, true, nil
}

func (p *Prover) countSQL(v tenancy.Tenant, t *catalog.Relation) string {
	return fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", t.SQL(), p.Model.OwnedBy(t, v))
}

// ownedRows is how many rows of a table a victim sees as theirs, or that they may not look.
type ownedRows struct {
	rows int
	seen bool
}

type victimTable struct {
	victim tenancy.Tenant
	table  *catalog.Relation
}

// OwnRows counts the rows of a table that a victim's own session sees as theirs. seen says whether
// it may look at all.
func (p *Prover) OwnRows(ctx context.Context, v tenancy.Tenant, t *catalog.Relation) (rows int, seen bool, err error) {
	key := victimTable{v, t}
	if known, ok := p.owned[key]; ok {
		return known.rows, known.seen, nil
	}
	own, err := p.Victims.Own(ctx, v)
	if err != nil {
		return 0, false, err
	}
	var n int
	err = p.own.Read(ctx, own, func(tx *session.Tx) error {
		return tx.QueryRow(ctx, p.countSQL(v, t)).Scan(&n)
	})
	if err != nil && query.SQLState(err) == "" {
		return 0, false, err
	}
	p.owned[key] = ownedRows{n, err == nil}
	return n, err == nil, nil
}
