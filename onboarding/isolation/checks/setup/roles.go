package setup

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// readRoles reads the roles that sessions take on beside the app role: those that it can become,
// those that the configuration names, and those of tenants.
func (s *Setup) readRoles(ctx context.Context, cat *catalog.Catalog) (err error) {
	if s.Roles, err = reachableRoles(ctx, s.Truth, cat, s.Config.AppRole); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	opening := s.Config.Settings.Opening
	lister := &session.Lister{Model: s.Model, Truth: s.Truth, Settings: s.Config.Settings}
	if s.TenantRoles, err = lister.TenantRoles(ctx); err != nil {
		return err
	}
	if err := markElsewhere(ctx, s.Truth, cat, opening.Roles); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	for _, role := range opening.Roles {
		if !slices.Contains(s.Roles, role) {
			s.Roles = append(s.Roles, role)
		}
	}
	if err := markFurther(ctx, s.Truth, cat, slices.Concat(s.Roles, s.TenantRoles)); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	return s.leaveOutBeyond(ctx, cat)
}

// leaveOutBeyond records what roles beside the app role may use and no session tries: functions,
// and the relations of tenants' roles alone.
func (s *Setup) leaveOutBeyond(ctx context.Context, cat *catalog.Catalog) error {
	further := slices.Concat(s.Config.Settings.Opening.Roles, s.TenantRoles)
	if len(further) == 0 {
		return nil
	}
	reached, err := reachedBy(ctx, s.Truth, s.TenantRoles)
	if err != nil {
		return err
	}
	for _, oid := range reached {
		if t := cat.Relation(oid); t != nil && !t.Reachable() && !t.Elsewhere && s.Model.Of(t).Owned() {
			s.Results.LeaveOut("%s: tenants' roles have rights to it that the app role has not, and they were not "+
				"tried", t)
		}
	}
	called, err := query.Strings(ctx, s.Truth, `SELECT DISTINCT p.oid::text FROM pg_proc p, unnest($1::name[]) role
		WHERE role IN (SELECT rolname FROM pg_roles) AND p.prosecdef AND has_function_privilege(role, p.oid, 'EXECUTE')
		  AND has_schema_privilege(role, p.pronamespace, 'USAGE')`, further)
	if err != nil {
		return err
	}
	for _, f := range cat.Functions {
		if f.Definer && !f.Executable && !f.ReturnsTrigger() && slices.Contains(called, fmt.Sprint(f.OID)) {
			s.Results.LeaveOut("function %s: roles may call it that the app role may not, and it was not called", f)
		}
	}
	return nil
}

const reachableRolesSQL = `
SELECT r.rolname::text FROM pg_roles r, pg_roles a WHERE a.rolname = $1 AND NOT a.rolsuper AND r.oid <> a.oid
   AND r.rolname !~ '^pg_' AND pg_has_role(a.oid, r.oid, $2) ORDER BY 1`

// furtherSQL selects what commands any of some roles may send to a table.
const furtherSQL = `
SELECT c.oid, bool_or(coalesce(has_any_column_privilege(role, c.oid, 'INSERT'), false)),
       bool_or(coalesce(has_any_column_privilege(role, c.oid, 'UPDATE'), false)),
       bool_or(coalesce(has_table_privilege(role, c.oid, 'DELETE'), false))
  FROM pg_class c, unnest($1::text[]) role
 WHERE role IN (SELECT rolname FROM pg_roles) AND c.relkind IN ('r', 'p')
   AND has_schema_privilege(role, c.relnamespace, 'USAGE') GROUP BY 1`

const rolesReachSQL = `
SELECT DISTINCT c.oid FROM pg_class c, unnest($1::text[]) role
 WHERE role IN (SELECT rolname FROM pg_roles) AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
   AND has_schema_privilege(role, c.relnamespace, 'USAGE')
   AND (coalesce(has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE'), false)
        OR coalesce(has_table_privilege(role, c.oid, 'DELETE, TRUNCATE'), false))`

// reachableRoles returns the roles that SET ROLE accepts from the app role, and marks the
// relations that only they may use.
func reachableRoles(ctx context.Context, q query.Querier, cat *catalog.Catalog, appRole string) ([]string, error) {
	privilege := "MEMBER"
	if cat.Version >= catalog.Version16 {
		privilege = "SET"
	}
	roles, err := query.Strings(ctx, q, reachableRolesSQL, appRole, privilege)
	if err != nil {
		return nil, err
	}
	return roles, markElsewhere(ctx, q, cat, roles)
}

// markElsewhere marks the relations that roles may use and the app role may not.
func markElsewhere(ctx context.Context, q query.Querier, cat *catalog.Catalog, roles []string) error {
	reached, err := reachedBy(ctx, q, roles)
	for _, oid := range reached {
		if t := cat.Relation(oid); t != nil && !t.Reachable() {
			t.Elsewhere = true
		}
	}
	return err
}

// markFurther marks what roles may do with relations and the app role may not.
func markFurther(ctx context.Context, q query.Querier, cat *catalog.Catalog, roles []string) error {
	if len(roles) == 0 {
		return nil
	}
	rows, err := q.Query(ctx, furtherSQL, roles)
	if err != nil {
		return err
	}
	var oid uint32
	var may [3]bool
	_, err = pgx.ForEachRow(rows, []any{&oid, &may[0], &may[1], &may[2]}, func() error {
		t := cat.Relation(oid)
		if t == nil {
			return nil
		}
		for i, itself := range []bool{t.Insertable(), t.Updatable(), t.Deletable()} {
			command := []catalog.Command{catalog.ForInsert, catalog.ForUpdate, catalog.ForDelete}[i]
			if may[i] && !itself && !slices.Contains(t.Further, command) {
				t.Further = append(t.Further, command)
			}
		}
		return nil
	})
	return err
}

// reachedBy returns the relations that any of some roles may use.
func reachedBy(ctx context.Context, q query.Querier, roles []string) ([]uint32, error) {
	if len(roles) == 0 {
		return nil, nil
	}
	rows, err := q.Query(ctx, rolesReachSQL, roles)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}
