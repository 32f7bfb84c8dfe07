package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// checkOwned looks at what else the app role owns of which policies are made: a schema, in which whoever owns it can drop every table
// (Postgres manual, DROP TABLE), and functions that policies ask, which their owner can write anew (CREATE FUNCTION). Neither is tried, since
// the locks would be felt.
func (r *Run) checkOwned(ctx context.Context) error {
	schemas, err := query.Strings(ctx, r.admin, fmt.Sprintf("SELECT nspname::text FROM pg_namespace WHERE pg_has_role(%s, nspowner, 'USAGE') ORDER BY 1", query.Literal(r.cfg.AppRole)))
	if err != nil {
		return err
	}
	for _, schema := range schemas {
		var inside []string
		for _, t := range r.tables {
			if t.Schema == schema && !t.Partition {
				inside = append(inside, t.String())
			}
		}
		if len(inside) > 0 {
			r.Add(results.Finding{Kind: results.Risk, Operation: "owner", Table: "schema " + schema, As: "any session",
				Evidence: fmt.Sprintf("the app role owns the schema, and can drop %s with every tenant's rows", strings.Join(inside, ", ")),
				Fix:      fmt.Sprintf("ALTER SCHEMA %s OWNER TO %s;\nGRANT USAGE ON SCHEMA %[1]s TO %[3]s;", pgx.Identifier{schema}.Sanitize(), pgx.Identifier{r.dialer.Truth}.Sanitize(), r.appSQL())})
		}
	}
	return query.Each(ctx, r.admin, "SELECT oid FROM pg_proc WHERE pg_has_role($1::name, proowner, 'USAGE') AND has_schema_privilege($1::name, pronamespace, 'CREATE')",
		[]any{r.cfg.AppRole}, func(rows pgx.Rows) error {
			var oid uint32
			if err := rows.Scan(&oid); err != nil {
				return err
			}
			if f := r.asked(oid); f != nil {
				r.Add(results.Finding{Kind: results.Risk, Operation: "owner", Table: "function " + f.String(), As: "any session",
					Evidence: "the app role owns a function that policies ask, and can write it anew",
					Fix:      fmt.Sprintf("ALTER ROUTINE %s(%s) OWNER TO %s;", f.SQL(), f.Arguments, pgx.Identifier{r.dialer.Truth}.Sanitize())})
			}
			return nil
		})
}

// asked returns the function of an id if a policy of a tenants' table names it, nil otherwise.
func (r *Run) asked(oid uint32) *catalog.Function {
	i := slices.IndexFunc(r.m.Cat.Functions, func(f *catalog.Function) bool { return f.OID == oid })
	if i < 0 {
		return nil
	}
	name := []string{r.m.Cat.Functions[i].Name}
	for _, t := range r.tables {
		if t.RLS && slices.ContainsFunc(t.Policies, func(p catalog.Policy) bool { return catalog.Mentions(p.Using+" "+p.Check, name) }) {
			return r.m.Cat.Functions[i]
		}
	}
	return nil
}
