package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// appendOnly lists the tables of which a serving role changes some columns at most, each with
// those that it never changes. It removes nothing from them.
var appendOnly = map[string][]string{
	"runs": {"id", "slug", "kind", "request", "requester", "channel", "tenant_id", "created_at", "submission",
		"undoes", "renews", "delete_certificates", "signature"},
	"approvals": {"id", "run_id", "step", "change", "digest", "moved", "needs", "reason_needed", "asked_at",
		"expires_at", "remind_at", "escalate_at"},
	"attempts": {"id", "run_id", "step", "approval_id", "started_at"},
	"freezes":  {"id", "reason", "frozen_by", "frozen_at"},
	// Nothing of these is changed.
	"events": nil, "votes": nil, "risks": nil, "risk_votes": nil,
}

const (
	grantAll = `GRANT USAGE ON SCHEMA %[1]s TO %[2]s;
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %[1]s TO %[2]s;
		GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %[1]s TO %[2]s;
		REVOKE INSERT, UPDATE, DELETE ON %[1]s.chain FROM %[2]s`
	revokeChanges = `REVOKE UPDATE, DELETE ON %[1]s.%[3]s FROM %[2]s`
	grantUpdate   = `GRANT UPDATE (%[4]s) ON %[1]s.%[3]s TO %[2]s`

	changeableColumns = `SELECT coalesce(string_agg(quote_ident(attname), ', '), '') FROM pg_attribute
		WHERE attrelid = format('%I.%I', $1::text, $2::text)::regclass AND attnum > 0 AND NOT attisdropped
			AND attname <> ALL($3)`
	appendsOnly = `SELECT NOT pg_has_role(relowner, 'USAGE') FROM pg_class
		WHERE oid = to_regclass(format('%I.chain', $1::text))`
)

// Restrict lets a role serve with the tables of the schema that another role owns, and no more: of
// what the audit trail is made of it can add rows and end them. The pool is the owner's.
func Restrict(ctx context.Context, owner *pgxpool.Pool, schema, role string) error {
	in, to := pgx.Identifier{schema}.Sanitize(), pgx.Identifier{role}.Sanitize()
	err := pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(grantAll, in, to), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		for table, fixed := range appendOnly {
			if _, err := tx.Exec(ctx, fmt.Sprintf(revokeChanges, in, to, table)); err != nil {
				return err
			}
			if fixed == nil {
				continue
			}
			var columns string
			if err := tx.QueryRow(ctx, changeableColumns, schema, table, fixed).Scan(&columns); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, fmt.Sprintf(grantUpdate, in, to, table, columns)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rights of %s: %w", role, err)
	}
	return nil
}

// AppendsOnly reports whether the pool's role cannot edit what the audit trail is made of, since
// another role owns the tables. It reports false while there are none.
func AppendsOnly(ctx context.Context, pool *pgxpool.Pool, schema string) (only bool, err error) {
	err = pool.QueryRow(ctx, `SELECT coalesce((`+appendsOnly+`), false)`, schema).Scan(&only)
	if err != nil {
		return false, fmt.Errorf("rights: %w", err)
	}
	return only, nil
}
