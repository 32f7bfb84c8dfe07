package proof

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// view asks a view itself whose its rows are, and the truth about the rows that it refers to.
func (p *Prover) view(ctx context.Context, tx *session.Tx, t *catalog.Relation, condition string) (*Proof, error) {
	m := p.Model
	o, w := m.Of(t), m.IdentitySQL(tx.Session.Identity)
	if base := tenancy.Published(m, t); base != nil && o.Direct() {
		return p.unpublished(ctx, tx, t, base)
	}
	if o.Direct() {
		owners, err := tx.Strings(ctx, fmt.Sprintf("SELECT %s FROM %s a WHERE %s LIMIT %d",
			p.seenOwner(t), t.SQL(), m.Foreign(t, "a", w, tenancy.Attacker), chunkRows))
		if err != nil || len(owners) == 0 {
			return nil, err
		}
		return &Proof{Owner: owners[0], Rows: len(owners), More: len(owners) == chunkRows}, nil
	}
	for _, parent := range o.Parents {
		column := query.Column("a", parent.Columns[0])
		values, err := tx.Strings(ctx, fmt.Sprintf("SELECT DISTINCT %[1]s::text FROM %[2]s a WHERE %[1]s IS NOT "+
			"NULL AND %[3]s LIMIT %[4]d",
			column, t.SQL(), condition, chunkRows))
		if err != nil {
			return nil, err
		}
		found, err := p.ForeignParent(ctx, parent, values, tx.Session.Identity)
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// ForeignParent asks the truth for a foreign row among the parents to which values of a column
// refer.
func (p *Prover) ForeignParent(ctx context.Context, link tenancy.ParentLink, values []string,
	i tenancy.Identity) (*Proof, error) {
	found, err := p.foreign(ctx, i, link.Table, fmt.Sprintf("%s::text = ANY(%s::text[])",
		query.Column("a", link.TargetCols[0]), query.Array(values)))
	if found != nil {
		found.Key = link.Table.String() + " " + found.Key
	}
	return found, err
}

// unpublished finds a foreign row that a view shows and that is neither public by design in the
// view's table nor shared with the session.
func (p *Prover) unpublished(ctx context.Context, tx *session.Tx, t, base *catalog.Relation) (*Proof, error) {
	m, key := p.Model, base.SingleKey().Name
	column := query.Column("a", key) + "::text"
	err := tx.Exec(ctx, fmt.Sprintf("CLOSE ALL; DECLARE seen NO SCROLL CURSOR FOR SELECT coalesce(%s, ''), %s "+
		"FROM %s a WHERE %s",
		column, p.seenOwner(t), t.SQL(), m.Foreign(t, "a", m.IdentitySQL(tx.Session.Identity), tenancy.Attacker)))
	if err != nil {
		return nil, err
	}
	for {
		rows, err := tx.Query(ctx, fmt.Sprintf("FETCH %d FROM seen", chunkRows))
		if err != nil {
			return nil, err
		}
		var keys, owners []string
		var id, owner string
		_, err = pgx.ForEachRow(rows, []any{&id, &owner}, func() error {
			keys, owners = append(keys, id), append(owners, owner)
			return nil
		})
		if err != nil || len(keys) == 0 {
			return nil, err
		}
		open := m.Public(base, "a")
		w := m.IdentitySQL(tx.Session.Identity)
		if shared := tenancy.Shared(m, tenancy.ToRead).With(w, base, "a"); shared != "" {
			open += " OR " + shared
		}
		public, err := query.Strings(ctx, p.Truth, fmt.Sprintf("SELECT %[1]s FROM %[2]s a WHERE %[1]s = "+
			"ANY(%[3]s::text[]) AND (%[4]s)",
			column, base.SQL(), query.Array(keys), open))
		if err != nil {
			return nil, err
		}
		for i, id := range keys {
			if !slices.Contains(public, id) {
				return &Proof{
					Owner: owners[i], Rows: 1, More: true, Where: column + " = " + query.Literal(id),
				}, nil
			}
		}
	}
}
