package functions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// definitions reports functions whose names of tables or operators a session can make mean
// something else, and those that are trusted to tell nothing.
type definitions struct {
	role    string
	cat     *catalog.Catalog
	truth   query.Querier
	fixes   *fixes.Writer
	results *results.Collector
}

// NewDefinitions returns the check of how functions are defined.
func NewDefinitions(s *setup.Setup) setup.Check {
	return &definitions{s.Config.AppRole, s.Model.Catalog, s.Truth, s.Fixes, s.Results}
}

const createsSQL = `
SELECT nspname::text FROM pg_namespace
 WHERE nspname !~ '^pg_' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = $1)
   AND has_schema_privilege($1::name, oid, 'CREATE') ORDER BY 1`

func (c *definitions) Run(ctx context.Context) error {
	creates, err := query.Strings(ctx, c.truth, createsSQL, c.role)
	if err != nil {
		return err
	}
	temporary, err := mayCreateTemporary(ctx, c.truth, c.role)
	if err != nil {
		return err
	}
	for _, f := range c.cat.Functions {
		if err := f.BodyFailure(); err != nil {
			c.results.LeaveOut("function %s: %v", f, err)
		}
		c.judgeRoleChange(f)
		if f.Leakproof && len(f.ArgTypes) > 0 { // without arguments it is given nothing of a row
			c.risk(f, results.Leakproof, "is marked LEAKPROOF, so it runs on rows before policies and security "+
				"barriers drop them",
				c.fixes.NotLeakproof(f))
		}
		if f.Definer && f.Executable &&
			f.Mentions("pg_stat_activity", "pg_stat_get_activity", "pg_stat_statements") {
			c.risk(f, results.Around, "runs with the rights of "+f.Owner+" and reads the statements of other "+
				"sessions, with the values in them", c.fixes.RevokeExecute(f, ""))
		}
		if f.Definer && !f.Native() && !f.Atomic && f.Returns != "event_trigger" && f.Owner != c.role {
			c.judgeSearchPath(f, creates, temporary)
		}
	}
	return nil
}

func (c *definitions) risk(f *catalog.Function, operation results.Operation, evidence, fix string) {
	c.results.AddRisk(operation, f.String(), evidence, fix)
}

// judgeSearchPath reports a function that looks names up where a session may create. creates are
// the schemas in which the app role may create, and temporary says that it may create temporary
// tables.
func (c *definitions) judgeSearchPath(f *catalog.Function, creates []string, temporary bool) {
	if c.results.Blames(f.String(), results.Leak) {
		return
	}
	path, set := f.SearchPath()
	if set {
		for _, schema := range pathSchemas(path) {
			if slices.Contains(creates, schema) {
				c.risk(f, results.SearchPath,
					fmt.Sprintf("runs with the rights of %s and looks in schema %s, where the app role may create",
						f.Owner, schema), c.fixes.RevokeCreate(schema))
			}
		}
		return
	}
	named := shadowable(f, c.cat)
	fix := c.fixes.SetSearchPath(f, named)
	if len(named) > 0 && temporary {
		c.risk(f, results.SearchPath, fmt.Sprintf("runs with the rights of %s and names %s without a schema, on "+
			"whatever search_path "+
			"the session chose: its temporary tables come first", f.Owner, listed(named)), fix)
	} else if len(creates) > 0 {
		c.risk(f, results.SearchPath, fmt.Sprintf("runs with the rights of %s on whatever search_path the session "+
			"chose, and the app "+
			"role may create in schema %s", f.Owner, strings.Join(creates, ", ")), fix)
	}
}
