package reading

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// largeObjects reads large objects to which victims' rows point: they have rights of their own,
// and no policies.
type largeObjects struct {
	model    *tenancy.Model
	scope    *setup.Scope
	truth    query.Querier
	victims  *victims.Victims
	attempts *session.Attempts
	fixes    *fixes.Writer
	results  *results.Collector
}

// NewLargeObjects returns the check of large objects.
func NewLargeObjects(s *setup.Setup) setup.Check {
	return &largeObjects{s.Model, s.Scope, s.Truth, s.Victims, s.Attempts, s.Fixes, s.Results}
}

func (c *largeObjects) Run(ctx context.Context) error {
	for _, t := range c.scope.OwnedTables() {
		if c.scope.Excused(t) {
			continue
		}
		for _, column := range t.Columns {
			if column.Type != "oid" && column.Type != "lo" {
				continue
			}
			if err := c.read(ctx, t, column); err != nil {
				return err
			}
		}
	}
	return nil
}

const pointerSQL = `
SELECT %[1]s, %[2]s, %[3]s::oid::text FROM %[4]s a
 WHERE %[1]s IS NOT NULL AND EXISTS (SELECT FROM pg_largeobject_metadata l WHERE l.oid = %[3]s) LIMIT 1`

func (c *largeObjects) read(ctx context.Context, t *catalog.Relation, column *catalog.Column) error {
	var owner, key, object string
	err := c.truth.QueryRow(ctx, fmt.Sprintf(pointerSQL, c.model.Owner(t, "a"), c.model.RowKey(t, "a"),
		query.Column("a", column.Name), t.SQL())).Scan(&owner, &key, &object)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	attackers, err := c.victims.Attackers(ctx, tenancy.ParseOwner(owner))
	if err != nil || len(attackers) == 0 {
		return err
	}
	s := attackers[0]
	err = c.attempts.Read(ctx, s, func(tx *session.Tx) error {
		var n int
		return tx.QueryRow(ctx, "SELECT octet_length(lo_get("+query.Literal(object)+"::oid))").Scan(&n)
	})
	if err != nil {
		return query.Lost(err)
	}
	c.results.Add(results.Finding{
		Kind: results.Leak, Operation: results.Read, Table: t.String(), As: s.Label,
		Evidence: fmt.Sprintf("read large object %s, to which column %s of %s of %s points", object, column.Name, key,
			owner),
		Fix: c.fixes.TakeLargeObjects(t, column),
	})
	return nil
}
