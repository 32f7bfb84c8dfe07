package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
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
		return nil // [functionRisks] says so
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
// rows that say what an attacker likes, and reads everything again: policies call such functions
// too.
type shadows struct {
	role      string
	model     *tenancy.Model
	scope     *scope
	truth     query.Querier
	victims   *victims.Victims
	rows      *victims.Rows
	escalator *escalator
	fixes     *fixes.Writer
}

func newShadows(s *Setup) *shadows {
	return &shadows{s.config.AppRole, s.model, s.scope, s.truth, s.victims, s.rows, newEscalator(s), s.fixes}
}

func (c *shadows) run(ctx context.Context) error {
	may, err := mayCreateTemporary(ctx, c.truth, c.role)
	if err != nil || !may {
		return err
	}
	tables, functions, fix := c.shadowed()
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
			for _, posing := range []bool{false, true} {
				if posing && v.IsOrg() {
					continue
				}
				sql, err := c.createSQL(ctx, tables, shadow{s, v, posing})
				if err != nil {
					return err
				}
				err = c.escalator.try(ctx, escalation{
					session: s, sql: sql, tables: c.scope.readable(), fix: fix, functions: functions,
					how: ": " + names + " names a table without its schema, and a session's temporary table comes " +
						"first",
				})
				if err != nil && query.SQLState(err) == "" {
					return err
				}
			}
		}
	}
	return nil
}

// shadow is what the rows of temporary tables say: that the attacker has a part in what is the
// victim's.
type shadow struct {
	session session.Session
	victim  tenancy.Tenant
	posing  bool // the rows name the victim, a Person, where they would name the attacker
}

// shadowed returns the relations whose place temporary tables can take, the functions that name
// them, and the fix for those functions.
func (c *shadows) shadowed() (tables []*catalog.Relation, functions []string, fix string) {
	var fixes []string
	for _, f := range c.model.Catalog.Functions {
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

// createSQL creates the temporary tables: each like its model, with one row in which the
// attacker is whoever they like to be.
func (c *shadows) createSQL(ctx context.Context, tables []*catalog.Relation, s shadow) (string, error) {
	var sql strings.Builder
	for _, t := range tables {
		values, err := c.rows.Favourable(ctx, t, s.session, s.victim)
		if err != nil {
			return "", err
		}
		var definitions, literals []string
		for _, column := range t.Columns {
			if s.posing && column.Type == c.model.Users.Type && !slices.Contains(c.model.Of(t).Orgs, column.Name) {
				values[column.Name] = &s.victim.ID
			}
			definitions = append(definitions, query.Name(column.Name)+" "+column.Type)
			literals = append(literals, column.Literal(values[column.Name]))
		}
		fmt.Fprintf(&sql, "CREATE TEMPORARY TABLE %[1]s (%[2]s) ON COMMIT DROP; INSERT INTO pg_temp.%[1]s VALUES "+
			"(%[3]s); "+
			"GRANT ALL ON pg_temp.%[1]s TO PUBLIC; ", query.Name(t.Name), strings.Join(definitions,
			", "), strings.Join(literals, ", "))
	}
	return sql.String(), nil
}
