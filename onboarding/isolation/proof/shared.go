package proof

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// notShared is the condition, on the alias a, that the rows are not shared with an identity's
// Person, for sessions that may not ask with whom rows are shared.
func (of VictimRows) notShared(ctx context.Context, p *Prover, i tenancy.Identity) (string, error) {
	shared := tenancy.Shared(p.Model, tenancy.ToRead).With(p.Model.IdentitySQL(i), of.Table, "a")
	if shared == "" {
		return "true", nil
	}
	place := placeOf(of.Table)
	places, err := query.Strings(ctx, p.Truth, fmt.Sprintf("SELECT %s FROM %s a WHERE %s AND %s LIMIT %d",
		place, of.Table.SQL(), p.Model.OwnedBy(of.Table, of.Victim), shared, chunkRows))
	return fmt.Sprintf("%s <> ALL(%s::text[])", place, query.Array(places)), err
}

// placeOf is an expression, on the alias a, that finds a row of a table again, as text.
func placeOf(t *catalog.Relation) string {
	if key := t.SingleKey(); key != nil {
		return query.Column("a", key.Name) + "::text"
	}
	return "a.ctid::text"
}
