package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// maxInvitations bounds the rows of a table that may invite one Person.
const maxInvitations = 20

// invitedTo are the Orgs that invited a session's Person: a row is both's, and policies or rights
// keep the session from inserting such a row. What Persons may place themselves, such as an order,
// invites nobody.
func invitedTo(ctx context.Context, p *Prover, s session.Session) ([]string, error) {
	m := p.Model
	var orgs []string
	for _, t := range m.Catalog.Relations {
		if !m.Of(t).Both || !t.HasRowIDs() || t.Partition || s.Identity.Person == nil {
			continue
		}
		rows, err := p.Truth.Query(ctx, fmt.Sprintf("SELECT %s, to_jsonb(a)::text FROM %s a WHERE %s = %s LIMIT %d",
			m.Owner(t, "a"), t.SQL(), tenancy.CoOwner(m, t, "a"), query.Literal(*s.Identity.Person), maxInvitations))
		if err != nil {
			return nil, err
		}
		invitations, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Owner, Row *string }])
		if err != nil {
			return nil, err
		}
		for _, invitation := range invitations {
			if invitation.Owner == nil {
				continue
			}
			org := tenancy.ParseOwner(*invitation.Owner)
			if !org.IsOrg() || slices.Contains(orgs, org.ID) {
				continue
			}
			err := p.Own.Write(ctx, s, func(tx *session.Tx) error { return tx.Exec(ctx, again(t, *invitation.Row)) })
			if query.Lost(err) != nil {
				return nil, err
			}
			if query.SQLState(err) == query.InsufficientPrivilege {
				orgs = append(orgs, org.ID)
			}
		}
	}
	return orgs, nil
}

// again renders an INSERT of a row that is there. Policies are asked before its keys are.
func again(t *catalog.Relation, row string) string {
	var names []string
	for _, c := range t.Columns {
		if c.Insert && !c.Generated {
			names = append(names, query.Name(c.Name))
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("INSERT INTO %s DEFAULT VALUES", t.SQL())
	}
	columns := strings.Join(names, ", ")
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %[2]s FROM jsonb_populate_record(NULL::%[1]s, %[3]s)", t.SQL(),
		columns, query.Literal(row))
}
