package rights

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/escalation"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// owners looks at what the app role owns of which protection is made: tables, whose owner can
// switch their policies off; schemas, whose owner can drop every table in them (PostgreSQL
// manual, DROP TABLE); and functions that policies call, which their owner can replace (CREATE
// FUNCTION). Only the first is tried, since other sessions would feel the locks of the rest.
type owners struct {
	role      string
	model     *tenancy.Model
	scope     *setup.Scope
	truth     query.Querier
	escalator *escalation.Escalator
	fixes     *fixes.Writer
	results   *results.Collector
	// irreversible is what event triggers do that a rollback does not undo, when a table is
	// altered.
	irreversible string
}

// NewOwners returns the check of what the app role owns.
func NewOwners(s *setup.Setup) setup.Check {
	return &owners{
		role: s.Config.AppRole, model: s.Model, scope: s.Scope, truth: s.Truth,
		escalator: escalation.New(s), fixes: s.Fixes, results: s.Results,
		irreversible: s.Irreversible.Definitions(),
	}
}

func (o *owners) Run(ctx context.Context) error {
	role, err := readAttributes(ctx, o.truth, o.role)
	if err != nil || role.super {
		return err // a superuser owns everything, and reads show it
	}
	if err := o.tables(ctx); err != nil {
		return err
	}
	if err := o.schemas(ctx); err != nil {
		return err
	}
	return o.functions(ctx)
}

func (o *owners) risk(object, why, fix string) {
	o.results.AddRisk(results.Owner, object, why, fix)
}

// oids reads the oids of objects that the app role owns.
func (o *owners) oids(ctx context.Context, sql string) ([]uint32, error) {
	rows, err := o.truth.Query(ctx, sql, o.role)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

func (o *owners) tables(ctx context.Context) error {
	owned, err := o.oids(ctx, "SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p') AND pg_has_role($1::name, "+
		"c.relowner, 'USAGE')")
	if err != nil {
		return err
	}
	for _, oid := range owned {
		t := o.model.Catalog.Relation(oid)
		if t == nil || !t.RLS || !o.model.Of(t).Owned() || o.scope.SkipsWrites(t) || o.scope.Excused(t) {
			continue
		}
		fix := o.fixes.TakeTable(t)
		if o.irreversible != "" || !o.switchesOff(ctx, t, fix) {
			o.risk(t.String(), "the app role owns the table and can switch its policies off", fix)
		}
	}
	return nil
}

// switchesOff reports whether a table leaks once its policies are switched off.
func (o *owners) switchesOff(ctx context.Context, t *catalog.Relation, fix string) bool {
	err := o.escalator.Try(ctx, escalation.Attack{
		Session: session.Session{Kind: session.Anonymous, Label: "any session, as the table's owner"},
		SQL:     fmt.Sprintf("ALTER TABLE %s DISABLE ROW LEVEL SECURITY", t.SQL()),
		Tables:  []*catalog.Relation{t},
		Fix:     fix,
	})
	return err == nil && o.results.Leaks(t.String(), results.Read)
}

func (o *owners) schemas(ctx context.Context) error {
	schemas, err := query.Strings(ctx, o.truth,
		"SELECT nspname::text FROM pg_namespace WHERE pg_has_role($1::name, nspowner, 'USAGE') ORDER BY 1", o.role)
	if err != nil {
		return err
	}
	for _, schema := range schemas {
		var tables []string
		for _, t := range o.scope.Tables {
			if t.Schema == schema && !t.Partition {
				tables = append(tables, t.String())
			}
		}
		if len(tables) > 0 {
			why := fmt.Sprintf("the app role owns the schema, and can drop %s with every tenant's rows",
				strings.Join(tables, ", "))
			o.risk("schema "+schema, why, o.fixes.TakeSchema(schema))
		}
	}
	return nil
}

func (o *owners) functions(ctx context.Context) error {
	owned, err := o.oids(ctx, `SELECT oid FROM pg_proc WHERE pg_has_role($1::name, proowner, 'USAGE')
		AND has_schema_privilege($1::name, pronamespace, 'CREATE')`)
	if err != nil {
		return err
	}
	onChange, err := o.oids(ctx, `SELECT evtfoid FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid
		WHERE evtenabled <> 'D' AND pg_has_role($1::name, proowner, 'USAGE')`)
	if err != nil {
		return err
	}
	for _, f := range o.model.Catalog.Functions {
		why := ""
		switch {
		case !slices.Contains(owned, f.OID):
			continue
		case slices.Contains(onChange, f.OID):
			why = "an event trigger runs with the rights of whoever changes the schema"
		case o.calledByPolicy(f):
			why = "policies call"
		default:
			continue
		}
		o.risk("function "+f.String(), fmt.Sprintf("the app role owns a function that %s, and can replace it", why),
			o.fixes.TakeFunction(f))
	}
	return nil
}

// calledByPolicy reports whether a policy of a tenants' table names a function.
func (o *owners) calledByPolicy(f *catalog.Function) bool {
	return slices.ContainsFunc(o.scope.Tables,
		func(t *catalog.Relation) bool { return t.RLS && t.PolicyNames(f.Name) })
}
