// Package platform is the database of the platform that Providers are onboarded to, in the shape
// that its version 3 has: its schema, its roles and a few tenants of some age. It serves nothing;
// see package portal for that.
package platform

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

// Database is the platform's database.
const Database = "platform"

// Roles that log in; schema.sql says what each may do.
const (
	App       = "platform_app"
	SSO       = "platform_sso"
	Onboarder = "onboarder"
	Auditor   = "platform_auditor"
)

// The session settings in which the application says who it acts for.
const (
	UserSetting = "app.user_id"
	OrgSetting  = "app.org_id"
)

// Identity is the server setting that the authoritative host alone carries, and IdentityQuery
// reads it.
const (
	Identity      = "quinn-authoritative"
	IdentityQuery = "SELECT current_setting('platform.cluster_name', true)"
)

// Setting is the "name=value" with which a server becomes the authoritative host.
const Setting = "platform.cluster_name=" + Identity

var (
	// Schema creates the roles, which belong to the whole server, and the tables.
	//go:embed schema.sql
	Schema string
	// Seed fills the tables with tenants.
	//go:embed seed.sql
	Seed string
)

// Create makes the platform's database on a server that has none yet, with the schema and the
// tenants.
func Create(ctx context.Context, server *postgres.Server) error {
	if err := run(ctx, server.DSN(postgres.Superuser), "CREATE DATABASE "+Database+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("create the platform's database: %w", err)
	}
	if err := run(ctx, server.DSN(Database), Schema+Seed); err != nil {
		return fmt.Errorf("fill the platform's database: %w", err)
	}
	return nil
}

func run(ctx context.Context, dsn, sql string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Without arguments, pgx sends the text as it is, and PostgreSQL runs every statement in it as
	// one transaction.
	_, err = conn.Exec(ctx, sql)
	return err
}
