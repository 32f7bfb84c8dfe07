package platform

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// right is a privilege on a column that a role needs.
type right struct{ table, column, privilege string }

func (c checker) rights() []right {
	users, orgs, members := c.db.config.Users, c.db.config.Orgs, c.db.config.Members
	var needed []right
	add := func(table, privilege string, columns ...string) {
		for _, column := range columns {
			needed = append(needed, right{table, column, privilege})
		}
	}
	add(users.Table, "SELECT", users.ID, users.Slug, users.Email, users.DisplayName, users.CreatedAt)
	add(users.Table, "INSERT", users.ID, users.Slug, users.Email, users.DisplayName)
	add(orgs.Table, "SELECT", orgs.ID, orgs.Slug, orgs.Name, orgs.Owner, orgs.CreatedAt)
	add(orgs.Table, "INSERT", orgs.Slug, orgs.Name, orgs.Owner)
	add(members.Table, "SELECT", members.Org, members.User, members.Role, members.CreatedAt)
	add(members.Table, "INSERT", members.Org, members.User, members.Role)
	return needed
}

func (c checker) applicationRights() []right {
	var needed []right
	for _, kind := range c.db.config.Rows {
		for _, column := range []string{kind.ID, kind.User, kind.Org, kind.CreatedAt} {
			needed = append(needed, right{kind.Table, column, "SELECT"})
		}
		needed = append(needed, right{kind.Table, kind.User, "INSERT"}, right{kind.Table, kind.Org, "INSERT"})
		for column := range kind.Values {
			needed = append(needed, right{kind.Table, column, "INSERT"})
		}
	}
	return needed
}

// lacking returns the rights that a role does not have, as "INSERT on users (slug)", in one round
// trip.
func (c checker) lacking(ctx context.Context, role string, needed []right) ([]string, error) {
	var tables, columns, privileges []string
	for _, right := range needed {
		tables = append(tables, table(right.table))
		columns = append(columns, right.column)
		privileges = append(privileges, right.privilege)
	}
	rows, err := c.db.pool.Query(ctx, `SELECT CASE
			WHEN to_regclass(need.rel) IS NULL THEN 'there is no table ' || need.rel
			WHEN a.attnum IS NULL THEN 'there is no column ' || need.rel || '.' || need.col
			ELSE need.privilege || ' on ' || need.rel || ' (' || need.col || ')' END
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS need (rel, col, privilege, n)
		LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(need.rel) AND a.attname = need.col
			AND a.attnum > 0 AND NOT a.attisdropped
		WHERE NOT coalesce(has_column_privilege(
			coalesce(nullif($4, ''), current_user)::name, a.attrelid, a.attnum, need.privilege), false)
		ORDER BY need.n`, tables, columns, privileges, role)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
