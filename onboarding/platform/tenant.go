package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// Tenant returns the Person with this slug, nil if there is none.
func (db *DB) Tenant(ctx context.Context, slug string) (*onboarding.Tenant, error) {
	users := db.config.Users
	var tenant onboarding.Tenant
	err := db.pool.QueryRow(ctx, fmt.Sprintf(`SELECT %s::text, %s, %s, %s FROM %s WHERE %[2]s = $1`,
		column(users.ID), column(users.Slug), column(users.Email), column(users.DisplayName), table(users.Table)),
		slug).
		Scan(&tenant.ID, &tenant.Slug, &tenant.Email, &tenant.DisplayName)
	return found(&tenant, err, "Person", slug)
}

// Org is an Org's row.
type Org struct {
	ID    string
	Slug  string
	Name  string
	Owner string // the owner's id
	// OwnerSlug is empty where the owner has no row.
	OwnerSlug string
}

// FindOrg returns the Org with this slug, nil if there is none.
func (db *DB) FindOrg(ctx context.Context, slug string) (*Org, error) {
	orgs, users := db.config.Orgs, db.config.Users
	var org Org
	err := db.pool.QueryRow(ctx, fmt.Sprintf(`SELECT o.%s::text, o.%s, o.%s, o.%s::text, coalesce(u.%s, '')
		FROM %s o LEFT JOIN %s u ON u.%s = o.%s WHERE o.%s = $1`,
		column(orgs.ID), column(orgs.Slug), column(orgs.Name), column(orgs.Owner), column(users.Slug),
		table(orgs.Table), table(users.Table), column(users.ID), column(orgs.Owner), column(orgs.Slug)), slug).
		Scan(&org.ID, &org.Slug, &org.Name, &org.Owner, &org.OwnerSlug)
	return found(&org, err, "Org", slug)
}

// found turns no row into nil, and names what was looked for in any other error.
func found[T any](value *T, err error, what, name string) (*T, error) {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("platform: %s %s: %w", what, name, err)
	}
	return value, nil
}

// Org returns the Org with this slug, nil if there is none.
func (db *DB) Org(ctx context.Context, slug string) (*onboarding.Org, error) {
	org, err := db.FindOrg(ctx, slug)
	if err != nil || org == nil {
		return nil, err
	}
	return &onboarding.Org{Slug: org.Slug, Name: org.Name}, nil
}

// likeLiteral keeps LIKE's wildcards in what people type from being wildcards.
var likeLiteral = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Orgs returns Orgs whose slug or name holds the text, by name.
func (db *DB) Orgs(ctx context.Context, text string, limit int) ([]onboarding.Org, error) {
	orgs := db.config.Orgs
	rows, err := db.pool.Query(ctx,
		fmt.Sprintf(`SELECT %[1]s, %[2]s FROM %[3]s WHERE %[1]s ILIKE $1 OR %[2]s ILIKE $1 ORDER BY %[2]s, %[1]s LIMIT $2`,
			column(orgs.Slug), column(orgs.Name), table(orgs.Table)), "%"+likeLiteral.Replace(text)+"%", limit)
	if err != nil {
		return nil, fmt.Errorf("platform: Orgs: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[onboarding.Org])
	if err != nil {
		return nil, fmt.Errorf("platform: Orgs: %w", err)
	}
	return list, nil
}

// EmailTaken returns the slug of the Person who has the address, in whatever case, empty if nobody
// has.
func (db *DB) EmailTaken(ctx context.Context, email string) (string, error) {
	users := db.config.Users
	var slug string
	err := db.pool.QueryRow(ctx,
		fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE lower(%[3]s) = lower($1) ORDER BY %[1]s LIMIT 1`,
			column(users.Slug), table(users.Table), column(users.Email)), email).Scan(&slug)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("platform: email: %w", err)
	}
	return slug, nil
}

// Role returns what a Person is in an Org, both by id, empty if they are not in it.
func (db *DB) Role(ctx context.Context, org, user string) (string, error) {
	members := db.config.Members
	var role string
	err := db.pool.QueryRow(ctx, fmt.Sprintf(`SELECT %s::text FROM %s WHERE %s = $1 AND %s = $2`,
		column(members.Role), table(members.Table), column(members.Org), column(members.User)), org, user).Scan(&role)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("platform: role in Org: %w", err)
	}
	return role, nil
}

// Born returns when a Person's row was made, by the platform's clock.
func (db *DB) Born(ctx context.Context, user string) (time.Time, error) {
	users := db.config.Users
	var at time.Time
	err := db.pool.QueryRow(ctx, fmt.Sprintf(`SELECT %s FROM %s WHERE %s = $1`, column(users.CreatedAt),
		table(users.Table), column(users.ID)), user).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("platform: age of Person %s: %w", user, err)
	}
	return at, nil
}

// Strangers returns ids of Persons other than this one who have no part in the Org, at most limit
// of them. Without an Org everybody else is a stranger.
func (db *DB) Strangers(ctx context.Context, user, org string, limit int) ([]string, error) {
	users, orgs, members := db.config.Users, db.config.Orgs, db.config.Members
	rows, err := db.pool.Query(ctx, fmt.Sprintf(`SELECT u.%[1]s::text FROM %[2]s u WHERE u.%[1]s <> $1
		AND NOT EXISTS (SELECT FROM %[3]s m WHERE m.%[4]s::text = $2 AND m.%[5]s = u.%[1]s)
		AND NOT EXISTS (SELECT FROM %[6]s o WHERE o.%[7]s::text = $2 AND o.%[8]s = u.%[1]s)
		ORDER BY u.%[1]s LIMIT $3`,
		column(users.ID), table(users.Table), table(members.Table), column(members.Org), column(members.User),
		table(orgs.Table), column(orgs.ID), column(orgs.Owner)), user, org, limit)
	if err != nil {
		return nil, fmt.Errorf("platform: other tenants: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("platform: other tenants: %w", err)
	}
	return ids, nil
}

// Older returns where a Person has Orgs or memberships from before a time, as "2 in orgs".
func (db *DB) Older(ctx context.Context, user string, than time.Time) ([]string, error) {
	orgs, members := db.config.Orgs, db.config.Members
	var where []string
	for _, rows := range []struct{ table, owner, created string }{
		{orgs.Table, orgs.Owner, orgs.CreatedAt}, {members.Table, members.User, members.CreatedAt},
	} {
		var count int
		err := db.pool.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1 AND %s < $2`,
			table(rows.table), column(rows.owner), column(rows.created)), user, than).Scan(&count)
		if err != nil {
			return nil, fmt.Errorf("platform: rows of Person %s: %w", user, err)
		}
		if count > 0 {
			where = append(where, fmt.Sprintf("%d in %s", count, rows.table))
		}
	}
	return where, nil
}
