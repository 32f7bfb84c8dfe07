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
	users := db.quoted.Users
	var tenant onboarding.Tenant
	query := fmt.Sprintf(`SELECT %s::text, %s, %s, %s FROM %s WHERE %[2]s = $1`,
		users.ID, users.Slug, users.Email, users.DisplayName, users.Table)
	err := db.pool.QueryRow(ctx, query, slug).
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
	orgs, users := db.quoted.Orgs, db.quoted.Users
	var org Org
	query := fmt.Sprintf(`SELECT o.%s::text, o.%s, o.%s, o.%s::text, coalesce(u.%s, '')
		FROM %s o LEFT JOIN %s u ON u.%s = o.%s WHERE o.%s = $1`,
		orgs.ID, orgs.Slug, orgs.Name, orgs.Owner, users.Slug,
		orgs.Table, users.Table, users.ID, orgs.Owner, orgs.Slug)
	err := db.pool.QueryRow(ctx, query, slug).
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
	orgs := db.quoted.Orgs
	query := fmt.Sprintf(`SELECT %[1]s, %[2]s FROM %[3]s
		WHERE %[1]s ILIKE $1 OR %[2]s ILIKE $1 ORDER BY %[2]s, %[1]s LIMIT $2`, orgs.Slug, orgs.Name, orgs.Table)
	rows, err := db.pool.Query(ctx, query, "%"+likeLiteral.Replace(text)+"%", limit)
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
	users := db.quoted.Users
	var slug string
	query := fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE lower(%[3]s) = lower($1) ORDER BY %[1]s LIMIT 1`,
		users.Slug, users.Table, users.Email)
	err := db.pool.QueryRow(ctx, query, email).Scan(&slug)
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
	members := db.quoted.Members
	query := fmt.Sprintf(`SELECT %s::text FROM %s WHERE %s = $1 AND %s = $2`,
		members.Role, members.Table, members.Org, members.User)
	var role string
	err := db.pool.QueryRow(ctx, query, org, user).Scan(&role)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("platform: role in Org: %w", err)
	}
	return role, nil
}

// CreatedAt returns when a Person's row was made, by the platform's clock.
func (db *DB) CreatedAt(ctx context.Context, user string) (time.Time, error) {
	users := db.quoted.Users
	var at time.Time
	query := fmt.Sprintf(`SELECT %s FROM %s WHERE %s = $1`, users.CreatedAt, users.Table, users.ID)
	err := db.pool.QueryRow(ctx, query, user).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("platform: age of Person %s: %w", user, err)
	}
	return at, nil
}

// OtherTenants returns ids of Persons other than this one who have no part in the Org, at most
// limit of them. Without an Org that is everybody else.
func (db *DB) OtherTenants(ctx context.Context, user, org string, limit int) ([]string, error) {
	users, orgs, members := db.quoted.Users, db.quoted.Orgs, db.quoted.Members
	rows, err := db.pool.Query(ctx, fmt.Sprintf(`SELECT u.%[1]s::text FROM %[2]s u WHERE u.%[1]s <> $1
		AND NOT EXISTS (SELECT FROM %[3]s m WHERE m.%[4]s::text = $2 AND m.%[5]s = u.%[1]s)
		AND NOT EXISTS (SELECT FROM %[6]s o WHERE o.%[7]s::text = $2 AND o.%[8]s = u.%[1]s)
		ORDER BY u.%[1]s LIMIT $3`,
		users.ID, users.Table, members.Table, members.Org, members.User,
		orgs.Table, orgs.ID, orgs.Owner), user, org, limit)
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
	orgs, members := db.quoted.Orgs, db.quoted.Members
	var where []string
	for _, rows := range []struct{ table, owner, created string }{
		{orgs.Table, orgs.Owner, orgs.CreatedAt}, {members.Table, members.User, members.CreatedAt},
	} {
		var count int
		query := fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1 AND %s < $2`, rows.table, rows.owner, rows.created)
		err := db.pool.QueryRow(ctx, query, user, than).Scan(&count)
		if err != nil {
			return nil, fmt.Errorf("platform: rows of Person %s: %w", user, err)
		}
		if count > 0 {
			where = append(where, fmt.Sprintf("%d in %s", count, rows.table))
		}
	}
	return where, nil
}
