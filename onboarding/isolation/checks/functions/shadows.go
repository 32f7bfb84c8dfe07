package functions

import (
	"context"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/escalation"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// shadowable lists the relations that a function names without a schema, so a temporary table of
// the session's takes their place: pg_temp is searched first for relations unless the
// search_path names it elsewhere (PostgreSQL manual, CREATE FUNCTION, Writing SECURITY DEFINER
// Functions Safely).
func shadowable(f *catalog.Function, cat *catalog.Catalog) []*catalog.Relation {
	if f.Atomic || !f.HasSource() {
		return nil
	}
	if path, set := f.SearchPath(); set {
		if strings.Trim(path, `" `) == "" {
			return nil
		}
		for i, schema := range pathSchemas(path) {
			if schema == "pg_temp" && i > 0 {
				return nil
			}
		}
	}
	named, err := f.UnqualifiedRelations(cat)
	if err != nil {
		return nil // [definitions] says so
	}
	return named
}

// pathSchemas splits a search_path.
func pathSchemas(path string) []string {
	schemas := strings.Split(path, ",")
	for i, s := range schemas {
		schemas[i] = strings.Trim(strings.TrimSpace(s), `"`)
	}
	return schemas
}

// mayCreateTemporary reports whether the app role may create temporary tables.
func mayCreateTemporary(ctx context.Context, q query.Querier, appRole string) (may bool, err error) {
	err = q.QueryRow(ctx, "SELECT has_database_privilege($1::name, current_database(), 'TEMP')", appRole).Scan(&may)
	return may, err
}

// shadowSessions is how many attackers shadow tables against each victim.
const shadowSessions = 3

// shadows puts temporary tables in the place of those that functions name without a schema, with
// rows that say what an attacker likes, reads everything again, since policies call such functions
// too, and calls the functions.
type shadows struct {
	role      string
	model     *tenancy.Model
	scope     *setup.Scope
	truth     query.Querier
	victims   *victims.Victims
	rows      *victims.Rows
	escalator *escalation.Escalator
	fixes     *fixes.Writer
	functions *functions
}

// NewShadows returns the check of temporary tables in the place of others.
func NewShadows(s *setup.Setup) setup.Check {
	return &shadows{
		s.Config.AppRole, s.Model, s.Scope, s.Truth, s.Victims, s.Rows, escalation.New(s), s.Fixes, newFunctions(s),
	}
}

func (c *shadows) Run(ctx context.Context) error {
	may, err := mayCreateTemporary(ctx, c.truth, c.role)
	if err != nil || !may || c.functions.irreversible.Definitions() != "" {
		return err
	}
	tables, functions, fix := c.shadowed(c.model.Catalog.Functions)
	if len(tables) == 0 {
		return nil
	}
	names := strings.Join(functions, ", ")
	for _, v := range c.victims.List() {
		attackers, err := c.victims.Attackers(ctx, v)
		if err != nil {
			return err
		}
		for _, s := range attackers[:min(shadowSessions, len(attackers))] {
			if s.Identity.Person == nil {
				continue
			}
			s.Label += " with temporary tables in the place of " + listed(tables)
			rows, err := c.shadowRows(ctx, tables, victims.ShadowsOf(s, v))
			if err != nil {
				return err
			}
			for _, all := range rows {
				err := c.escalator.Try(ctx, escalation.Attack{
					Session: s, SQL: newTemporary(all, tables).create, Tables: c.scope.Readable(), Fix: fix,
					Functions: functions,
					How: ": " + names + " names a table without its schema, and a session's temporary table comes " +
						"first",
				})
				if query.Lost(err) != nil {
					return err
				}
			}
		}
	}
	return c.calls(ctx)
}

// temporary are temporary tables in the place of others.
type temporary struct {
	create, drop string
	rows         []victims.OwnRow
	// how ends the sentence of the evidence, and fix is for all functions that let it happen.
	how, fix string
}

// given are the values in the tables.
func (t temporary) given() []string {
	var given []string
	for _, row := range t.rows {
		given = append(given, row.Given()...)
	}
	return given
}

// shadowed returns the relations whose place temporary tables can take while functions run, those
// of the functions that name them, and the fix for these.
func (c *shadows) shadowed(running []*catalog.Function) (
	tables []*catalog.Relation, functions []string, fix string,
) {
	var fixes []string
	for _, f := range running {
		named := shadowable(f, c.model.Catalog)
		if len(named) == 0 {
			continue
		}
		functions = append(functions, f.String())
		fixes = append(fixes, c.fixes.SetSearchPath(f, named))
		for _, t := range named {
			if !slices.Contains(tables, t) {
				tables = append(tables, t)
			}
		}
	}
	return tables, functions, strings.Join(fixes, "\n")
}

// shadowRows are the rows of temporary tables in the place of others, by shadow: one in each
// table, in which the attacker is whoever they like to be.
func (c *shadows) shadowRows(
	ctx context.Context, tables []*catalog.Relation, list []victims.Shadow,
) ([][]victims.OwnRow, error) {
	rows := make([][]victims.OwnRow, len(list))
	for i, shadow := range list {
		for _, t := range tables {
			values, err := c.rows.Shadow(ctx, t, shadow)
			if err != nil {
				return nil, err
			}
			rows[i] = append(rows[i], victims.OwnRow{Table: t, Values: values})
		}
	}
	return rows, nil
}

// newTemporary returns temporary tables in the place of some of the rows' tables.
func newTemporary(rows []victims.OwnRow, tables []*catalog.Relation) *temporary {
	// A plan that the connection made before would still read the tables themselves.
	made := &temporary{create: "DISCARD PLANS; "}
	var names []string
	for _, row := range rows {
		if slices.Contains(tables, row.Table) {
			made.rows, made.create = append(made.rows, row), made.create+row.CreateSQL()
			names = append(names, query.Name("pg_temp", row.Table.Name))
		}
	}
	made.drop = "DROP TABLE " + strings.Join(names, ", ")
	return made
}
