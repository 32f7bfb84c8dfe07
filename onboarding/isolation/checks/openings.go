package checks

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// readRoles reads the roles that sessions take on beside the app role: those that it can become,
// those that the configuration names, and those of tenants.
func (s *Setup) readRoles(ctx context.Context, cat *catalog.Catalog) (err error) {
	if s.roles, err = reachableRoles(ctx, s.truth, cat, s.config.AppRole); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	opening := s.config.Settings.Opening
	lister := &session.Lister{Model: s.model, Truth: s.truth, Settings: s.config.Settings}
	if s.tenantRoles, err = lister.TenantRoles(ctx); err != nil {
		return err
	}
	if err := markElsewhere(ctx, s.truth, cat, opening.Roles); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	for _, role := range opening.Roles {
		if !slices.Contains(s.roles, role) {
			s.roles = append(s.roles, role)
		}
	}
	return s.leaveOutBeyond(ctx, cat)
}

// leaveOutBeyond records what roles beside the app role may use and no session tries: functions,
// and the relations of tenants' roles alone.
func (s *Setup) leaveOutBeyond(ctx context.Context, cat *catalog.Catalog) error {
	further := slices.Concat(s.config.Settings.Opening.Roles, s.tenantRoles)
	if len(further) == 0 {
		return nil
	}
	reached, err := reachedBy(ctx, s.truth, s.tenantRoles)
	if err != nil {
		return err
	}
	for _, oid := range reached {
		if t := cat.Relation(oid); t != nil && !t.Reachable() && !t.Elsewhere && s.model.Of(t).Owned() {
			s.results.LeaveOut("%s: tenants' roles have rights to it that the app role has not, and they were not "+
				"tried", t)
		}
	}
	called, err := query.Strings(ctx, s.truth, `SELECT DISTINCT p.oid::text FROM pg_proc p, unnest($1::name[]) role
		WHERE role IN (SELECT rolname FROM pg_roles) AND p.prosecdef AND has_function_privilege(role, p.oid, 'EXECUTE')
		  AND has_schema_privilege(role, p.pronamespace, 'USAGE')`, further)
	if err != nil {
		return err
	}
	for _, f := range cat.Functions {
		if f.Definer && !f.Executable && !f.ReturnsTrigger() && slices.Contains(called, fmt.Sprint(f.OID)) {
			s.results.LeaveOut("function %s: roles may call it that the app role may not, and it was not called", f)
		}
	}
	return nil
}

// openings reports the roles of sessions to which no policy applies.
func (r *roles) openings(ctx context.Context) error {
	further := slices.Concat(r.configured, r.tenants)
	if len(further) == 0 {
		return nil
	}
	above, err := query.Strings(ctx, r.truth, "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) AND "+
		"(rolsuper OR rolbypassrls) ORDER BY 1", further)
	if err != nil {
		return err
	}
	for _, role := range above {
		r.risk(results.SetRole(role), fmt.Sprintf("sessions take on %s, to which no policy applies", role),
			fmt.Sprintf("ALTER ROLE %s NOSUPERUSER NOBYPASSRLS;", query.Name(role)))
	}
	return nil
}
