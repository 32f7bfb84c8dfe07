package proof

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// ownedBy is the condition, on the alias a, that a row is a victim's, for a session of the app
// role. Where SQL of the configuration says whose a row is, the truth says which rows those are.
func (p *Prover) ownedBy(ctx context.Context, of VictimRows) (string, error) {
	t, owned := of.Table, p.Model.OwnedBy(of.Table, of.Victim)
	if of.Only != "" {
		owned += " AND " + of.Only
	}
	if !p.Model.Derived(t) {
		return owned, nil
	}
	place := placeOf(t)
	places, err := query.Strings(ctx, p.Truth, fmt.Sprintf("SELECT %s FROM %s a WHERE %s LIMIT %d",
		place, t.SQL(), owned, chunkRows))
	return fmt.Sprintf("%s = ANY(%s::text[])", place, query.Array(places)), err
}

// writtenDerived is the rest of [Prover.Written] where SQL of the configuration says whose a row
// is, or with whom it is shared: the victim reads what was written, and the truth says whose it
// would be.
func (p *Prover) writtenDerived(ctx context.Context, tx *session.Tx, w Write, foreign string) (*Proof, error) {
	var rows []string
	err := p.Victims.Observe(ctx, tx, w.Victim, func() (err error) {
		rows, err = tx.Strings(ctx, fmt.Sprintf("SELECT to_jsonb(a)::text FROM %s a WHERE %s AND %s LIMIT %d",
			w.Table.SQL(), w.condition(), writtenHere, chunkRows))
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	found := &Proof{Rows: 1}
	err = p.Truth.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM jsonb_populate_recordset(NULL::%s, (SELECT "+
		"jsonb_agg(row::jsonb) FROM unnest(%s::text[]) row)) a WHERE %s LIMIT 1", p.ownerAndKey(w.Table), w.Table.SQL(),
		query.Array(rows), foreign)).Scan(&found.Owner, &found.Key)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return found, err
}

// ownerAndKey are expressions, on the alias a, for whose a row is and which it is.
func (p *Prover) ownerAndKey(t *catalog.Relation) string {
	key := p.Model.RowKey(t, "a")
	if len(t.Key) == 0 {
		key = "''" // a row that is not written yet has no place
	}
	return fmt.Sprintf("coalesce(%s, 'somebody'), %s", p.Model.Owner(t, "a"), key)
}

// seenOwner is an expression for whose a row is, as far as a session that sees it can tell.
func (p *Prover) seenOwner(t *catalog.Relation) string {
	if p.Model.Derived(t) {
		return "'somebody'"
	}
	return fmt.Sprintf("coalesce(%s, 'somebody')", p.Model.Owner(t, "a"))
}

// owners are the victim of a write and all others, as the truth names them.
func (p *Prover) owners(victim tenancy.Tenant) string {
	owners := []string{victim.String()}
	for _, other := range p.Victims.List() {
		owners = append(owners, other.String())
	}
	return query.Array(owners)
}
