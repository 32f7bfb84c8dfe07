package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// checkCascades deletes rows on which other tenants' rows hang: of the platform's, and of the attackers' own. A foreign key's own deletes and
// updates ask no policy.
func (r *Run) checkCascades(ctx context.Context) error {
	for _, child := range r.tables {
		if child.IsView() || child.Partition {
			continue
		}
		for _, fk := range child.ForeignKeys {
			parent := r.m.Cat.ByOID[fk.Target]
			if parent == nil || !parent.Usage || !parent.Delete || !slices.Contains([]string{"c", "n", "d"}, fk.OnDelete) || r.writesExcluded(parent) {
				continue
			}
			cascade := r.cascade
			if r.m.Of(parent).Owned() {
				if fk.OnDelete != "c" || child == r.m.Members {
					continue // who is gone is no longer the author, nor a member
				}
				cascade = r.ownCascade
			}
			if err := cascade(ctx, child, parent, fk); err != nil && query.SQLState(err) == "" {
				return err
			}
		}
	}
	return nil
}

// ownCascade lets somebody delete a row of their own on which another's hangs, such as the account of an author who is no member.
func (r *Run) ownCascade(ctx context.Context, child, parent *catalog.Relation, fk catalog.ForeignKey) error {
	joins := make([]string, len(fk.Columns))
	for i, c := range fk.Columns {
		joins[i] = query.Column("a", c) + " = " + query.Column("p", fk.TargetCols[i])
	}
	sql := fmt.Sprintf(`WITH mem AS MATERIALIZED (%s) SELECT mine, theirs, key, place FROM (SELECT %s AS mine, %s AS theirs, %s AS key,
		'tableoid = ' || p.tableoid::text || ' AND ctid = ''' || p.ctid::text || '''' AS place FROM %s a JOIN %s p ON %s) s
		WHERE mine <> theirs AND starts_with(mine, 'Person ') AND NOT EXISTS (SELECT FROM mem WHERE present AND 'Org ' || org::text = theirs AND 'Person ' || person::text = mine) LIMIT 1`,
		r.m.MembersSQL(), r.m.Owner(parent, "p"), r.m.Owner(child, "a"), r.m.RowKey(child, "a"), child.SQL(), parent.SQL(), strings.Join(joins, " AND "))
	var owner, other, key, place string
	err := query.One(ctx, r.admin, sql, nil, &owner, &other, &key, &place)
	if err == pgx.ErrNoRows {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := r.sessionOf(ctx, tenancy.TenantOf(owner).Person)
	if err != nil {
		return err
	}
	r.Coverage.WriteAttempts++
	return r.in(ctx, s, false, func(conn *pgx.Conn) error {
		n, err := query.Affected(ctx, conn, fmt.Sprintf("DELETE FROM %s WHERE %s", parent.SQL(), place))
		if err != nil || n == 0 {
			return err
		}
		r.Add(results.Finding{Kind: results.Leak, Operation: "delete", Table: child.String(), As: s.Label,
			Evidence: fmt.Sprintf("deleted a row of their own in %s, whose foreign key went on to delete %s of %s", parent, key, other),
			Fix:      fmt.Sprintf("REVOKE DELETE ON %s FROM PUBLIC, %s; -- or make the foreign key set NULL", parent.SQL(), r.appSQL())})
		return nil
	})
}

func (r *Run) cascade(ctx context.Context, child, parent *catalog.Relation, fk catalog.ForeignKey) error {
	joins := make([]string, len(fk.Columns))
	for i, c := range fk.Columns {
		joins[i] = query.Column("a", c) + " = " + query.Column("p", fk.TargetCols[i])
	}
	keys := make([]string, len(fk.TargetCols))
	for i, c := range fk.TargetCols {
		keys[i] = pgx.Identifier{c}.Sanitize() + " = ' || quote_literal(" + query.Column("p", c) + "::text) || '"
	}
	sql := fmt.Sprintf("SELECT %s, %s, '%s' FROM %s a JOIN %s p ON %s WHERE %s IS NOT NULL LIMIT 1", r.m.Owner(child, "a"), r.m.RowKey(child, "a"), strings.Join(keys, " AND "),
		child.SQL(), parent.SQL(), strings.Join(joins, " AND "), r.m.Owner(child, "a"))
	var owner, key, condition string
	if err := query.One(ctx, r.admin, sql, nil, &owner, &key, &condition); err != nil {
		if err == pgx.ErrNoRows {
			return nil
		}
		return err
	}
	v := tenancy.TenantOf(owner)
	attackers, err := r.attackers(ctx, v)
	if err != nil || len(attackers) == 0 {
		return err
	}
	s := attackers[0]
	r.Coverage.WriteAttempts++
	return r.in(ctx, s, false, func(conn *pgx.Conn) error {
		n, err := query.Affected(ctx, conn, fmt.Sprintf("DELETE FROM %s WHERE %s", parent.SQL(), condition))
		if err != nil || n == 0 {
			return err
		}
		operation := "delete"
		if fk.OnDelete != "c" {
			operation = "update"
		}
		r.Add(results.Finding{Kind: results.Leak, Operation: operation, Table: child.String(), As: s.Label,
			Evidence: fmt.Sprintf("deleted a row of %s, whose foreign key went on to %s %s of %s without asking its policies", parent, operation, key, owner),
			Fix:      fmt.Sprintf("REVOKE DELETE ON %s FROM PUBLIC, %s;", parent.SQL(), r.appSQL())})
		return nil
	})
}
