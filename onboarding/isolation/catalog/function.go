package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// function is a function or procedure outside the system's schemas.
type Function struct {
	OID         uint32
	Schema      string
	Name        string
	Definer     bool
	Owner       string
	OwnerBypass bool
	Config      []string
	ArgTypes    []string
	ArgNames    []string
	Arguments   string // as ALTER FUNCTION identifies it
	Volatile    bool
	Kind        string // pg_proc.prokind
	Language    string
	Source      string
	Atomic      bool // an SQL-standard body, bound when it was created
	Leakproof   bool
	Returns     string
	Executable  bool
}

func (f *Function) String() string { return f.Schema + "." + f.Name }

func (f *Function) SQL() string { return pgx.Identifier{f.Schema, f.Name}.Sanitize() }

func (f *Function) SearchPath() (string, bool) {
	for _, c := range f.Config {
		if path, ok := strings.CutPrefix(c, "search_path="); ok {
			return path, true
		}
	}
	return "", false
}

const functionsSQL = `
SELECT p.oid, n.nspname, p.proname, p.prosecdef, o.rolname, o.rolsuper OR o.rolbypassrls, coalesce(p.proconfig, '{}'),
       array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, i) ORDER BY i),
       coalesce(p.proargnames, '{}'), pg_get_function_identity_arguments(p.oid), p.provolatile = 'v', p.prokind::text, l.lanname,
       coalesce(p.prosrc, ''), to_jsonb(p) ->> 'prosqlbody' IS NOT NULL, p.proleakproof, format_type(p.prorettype, NULL),
       has_schema_privilege($1::name, n.oid, 'USAGE') AND has_function_privilege($1::name, p.oid, 'EXECUTE')
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND p.prokind IN ('f', 'p')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
 ORDER BY n.nspname, p.proname`

func loadFunctions(ctx context.Context, q query.Querier, role string) ([]*Function, error) {
	var functions []*Function
	err := query.Each(ctx, q, functionsSQL, []any{role}, func(rows pgx.Rows) error {
		f := &Function{}
		if err := rows.Scan(&f.OID, &f.Schema, &f.Name, &f.Definer, &f.Owner, &f.OwnerBypass, &f.Config, &f.ArgTypes, &f.ArgNames, &f.Arguments, &f.Volatile, &f.Kind,
			&f.Language, &f.Source, &f.Atomic, &f.Leakproof, &f.Returns, &f.Executable); err != nil {
			return err
		}
		functions = append(functions, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	return functions, nil
}
