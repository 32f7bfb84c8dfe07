package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// FunctionKind is pg_proc.prokind.
type FunctionKind string

// The kinds of functions that a catalog holds.
const (
	PlainFunction FunctionKind = "f"
	Procedure     FunctionKind = "p"
)

// Composites is the kind of an argument that is an array of composite values.
const Composites = "c[]"

// Function is a function or procedure outside the system's schemas.
type Function struct {
	OID        uint32
	Schema     string
	Name       string
	Definer    bool // SECURITY DEFINER
	Owner      string
	Config     []string // SET clauses
	ArgTypes   []string // of what a call gives: IN, INOUT and VARIADIC
	ArgBases   []string // those of domains, else ArgTypes
	ArgKinds   []string // pg_type.typtype, or Composites
	ArgLabels  []string // first labels of enums and, for arrays, of their elements
	ArgNames   []string // of ArgTypes
	Defaults   []string // of ArgTypes, as SQL expressions, or ""
	Variadic   bool     // the last argument is an array that a call has to mark
	Arguments  string   // as ALTER FUNCTION identifies it
	Volatile   bool
	Immutable  bool
	Kind       FunctionKind
	Language   string
	Source     string
	Definition string // as pg_get_functiondef spells it
	Atomic     bool   // an SQL-standard body, whose names were bound when it was created
	Leakproof  bool
	Returns    string
	Executable bool // by the role

	body    *sqltree.Routine
	failure error
}

// String is "schema.name".
func (f *Function) String() string { return f.Schema + "." + f.Name }

// SQL is the function's name as a statement spells it.
func (f *Function) SQL() string { return query.Name(f.Schema, f.Name) }

// Signature is the function's name and arguments as ALTER ROUTINE spells them.
func (f *Function) Signature() string { return f.SQL() + "(" + f.Arguments + ")" }

// Text is the function's source, or its definition where the body is in the standard's form.
func (f *Function) Text() string {
	if f.Atomic {
		return f.Definition
	}
	return f.Source
}

// HasSource reports whether the function is written in a language that [Function.Body] reads.
func (f *Function) HasSource() bool { return f.Language == "sql" || f.Language == "plpgsql" }

// Body returns the parsed body of a function that has a source.
func (f *Function) Body() (*sqltree.Routine, error) {
	if f.body == nil && f.failure == nil && f.HasSource() {
		f.body, f.failure = sqltree.Body(f.Definition, f.Source, f.Language)
	}
	return f.body, f.failure
}

// Use is a column that an argument is compared with or written into.
type Use = sqltree.Use

// Uses returns the columns that the function compares with its argument i, from 0, or writes it
// into, and the constants that it compares with it.
func (f *Function) Uses(i int) (columns []Use, literals []string) {
	body, err := f.Body()
	if err != nil || body == nil {
		return nil, nil
	}
	name := ""
	if i < len(f.ArgNames) {
		name = strings.ToLower(f.ArgNames[i])
	}
	columns, _ = body.Uses(name, i+1)
	return columns, body.Literals(name, i+1)
}

// BodyFailure returns why [Function.Body] failed before, or nil.
func (f *Function) BodyFailure() error { return f.failure }

// Mentions reports whether the function's definition contains one of the words, in any letter case
// and without regard to white space. It spares parsing what cannot be of interest.
func (f *Function) Mentions(words ...string) bool {
	definition := strings.Join(strings.Fields(strings.ToLower(f.Definition)), "")
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(definition, word) })
}

// ReadOnly reports whether calling the function can change nothing.
func (f *Function) ReadOnly() bool { return !f.Volatile && f.Kind == PlainFunction }

// Native reports whether the function is compiled code, whose source says nothing.
func (f *Function) Native() bool { return f.Language == "c" || f.Language == "internal" }

// ReturnsTrigger reports whether only a trigger can call the function.
func (f *Function) ReturnsTrigger() bool {
	return f.Returns == "trigger" || f.Returns == "event_trigger"
}

// SearchPath returns the search_path that the function sets for itself.
func (f *Function) SearchPath() (path string, set bool) {
	for _, c := range f.Config {
		if path, ok := strings.CutPrefix(c, "search_path="); ok {
			return path, true
		}
	}
	return "", false
}

const functionsSQL = `
SELECT p.oid, n.nspname, p.proname, p.prosecdef, o.rolname, coalesce(p.proconfig, '{}'),
       array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, i) ORDER BY i),
       array(SELECT format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL)
               FROM unnest(p.proargtypes) WITH ORDINALITY a(t, i) JOIN pg_type t ON t.oid = a.t ORDER BY i),
       array(SELECT CASE WHEN e.typtype = 'c' THEN 'c[]' ELSE t.typtype::text END
               FROM unnest(p.proargtypes) WITH ORDINALITY a(t, i) JOIN pg_type t ON t.oid = a.t
               LEFT JOIN pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem ORDER BY i),
       array(SELECT coalesce((SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid IN (a.t, (SELECT typelem FROM pg_type
             WHERE oid = a.t AND typcategory = 'A')) ORDER BY enumsortorder LIMIT 1),
                             '') FROM unnest(p.proargtypes) WITH ORDINALITY a(t, i) ORDER BY i),
       array(SELECT coalesce(n, '') FROM unnest(p.proargnames) WITH ORDINALITY a(n, i)
              WHERE p.proargmodes IS NULL OR p.proargmodes[i] IN ('i', 'b', 'v') ORDER BY i),
       array(SELECT coalesce(pg_get_function_arg_default(p.oid, i), '')
               FROM generate_series(1, cardinality(coalesce(p.proallargtypes, p.proargtypes::oid[]))) i
              WHERE p.proargmodes IS NULL OR p.proargmodes[i] IN ('i', 'b', 'v') ORDER BY i),
       p.provariadic <> 0, pg_get_function_identity_arguments(p.oid),
       p.provolatile = 'v', p.provolatile = 'i', p.prokind::text,
       l.lanname, coalesce(p.prosrc, ''),
       CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN pg_get_functiondef(p.oid) ELSE '' END,
       to_jsonb(p) ->> 'prosqlbody' IS NOT NULL, p.proleakproof,
       format_type(p.prorettype, NULL),
       has_schema_privilege($1::name, n.oid, 'USAGE') AND has_function_privilege($1::name, p.oid, 'EXECUTE')
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
  JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND p.prokind IN ('f', 'p')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
 ORDER BY n.nspname, p.proname`

func loadFunctions(ctx context.Context, q query.Querier, role string) ([]*Function, error) {
	rows, err := q.Query(ctx, functionsSQL, role)
	if err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	functions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Function, error) {
		f := &Function{}
		err := row.Scan(&f.OID, &f.Schema, &f.Name, &f.Definer, &f.Owner, &f.Config, &f.ArgTypes,
			&f.ArgBases, &f.ArgKinds, &f.ArgLabels, &f.ArgNames, &f.Defaults, &f.Variadic, &f.Arguments,
			&f.Volatile, &f.Immutable, &f.Kind, &f.Language, &f.Source, &f.Definition, &f.Atomic, &f.Leakproof,
			&f.Returns, &f.Executable)
		return f, err
	})
	if err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	return functions, nil
}
