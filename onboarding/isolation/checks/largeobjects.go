package checks

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// checkLargeObjects reads large objects that victims' rows point to: they have rights of their own, and no policies.
func (r *Run) checkLargeObjects(ctx context.Context) error {
	for _, t := range r.m.Cat.Relations {
		o := r.m.Of(t)
		if !o.Owned() || t.IsView() || t.Kind == "f" || t.Partition || r.cfg.Tenancy.Tables[t.String()].Excuse != "" {
			continue
		}
		for _, c := range t.Columns {
			if c.Type != "oid" && c.Type != "lo" {
				continue
			}
			if err := r.readLargeObject(ctx, t, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Run) readLargeObject(ctx context.Context, t *catalog.Relation, c *catalog.Column) error {
	var owner, key, object string
	err := query.One(ctx, r.admin, fmt.Sprintf("SELECT %[1]s, %[2]s, %[3]s::oid::text FROM %[4]s a WHERE %[1]s IS NOT NULL AND EXISTS (SELECT FROM pg_largeobject_metadata l WHERE l.oid = %[3]s) LIMIT 1",
		r.m.Owner(t, "a"), r.m.RowKey(t, "a"), query.Column("a", c.Name), t.SQL()), nil, &owner, &key, &object)
	if err == pgx.ErrNoRows {
		return nil
	}
	if err != nil {
		return err
	}
	attackers, err := r.attackers(ctx, tenancy.TenantOf(owner))
	if err != nil || len(attackers) == 0 {
		return err
	}
	s := attackers[0]
	err = r.in(ctx, s, true, func(conn *pgx.Conn) error {
		var n int
		return query.One(ctx, conn, fmt.Sprintf("SELECT octet_length(lo_get(%s))", object), nil, &n)
	})
	if err != nil {
		if query.SQLState(err) == "" {
			return err
		}
		return nil
	}
	r.Add(results.Finding{Kind: results.Leak, Operation: "read", Table: t.String(), As: s.Label,
		Evidence: fmt.Sprintf("read large object %s, to which column %s of %s of %s points", object, c.Name, key, owner),
		Fix: fmt.Sprintf("DO $$ DECLARE o oid; BEGIN FOR o IN SELECT %s FROM %s LOOP\nEXECUTE format('ALTER LARGE OBJECT %%s OWNER TO %s; REVOKE ALL ON LARGE OBJECT %%s FROM PUBLIC, %s', o, o); END LOOP; END $$;",
			pgx.Identifier{c.Name}.Sanitize(), t.SQL(), pgx.Identifier{r.dialer.Truth}.Sanitize(), r.appSQL())})
	return nil
}
