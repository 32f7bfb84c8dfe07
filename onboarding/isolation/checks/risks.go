package checks

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// always matches conditions that hold for every row.
var always = regexp.MustCompile(`^\(*\s*(true|1 = 1|'[^']*'::\w+ = '[^']*'::\w+|NOT false)\s*\)*$`)

// checkCatalogue reports dangers that attempts could not prove, such as tables that are still empty.
func (r *Run) checkCatalogue(ctx context.Context) error {
	owners, err := query.Strings(ctx, r.admin, fmt.Sprintf("SELECT rolname::text FROM pg_roles WHERE pg_has_role(%s::name, oid, 'USAGE')", query.Literal(r.cfg.AppRole)))
	if err != nil {
		return err
	}
	owned := map[string]bool{}
	for _, o := range owners {
		owned[o] = true
	}
	for _, t := range r.tables {
		if t.IsView() || t.Kind == "f" || r.m.Directory[t.OID] {
			continue
		}
		r.judgeProtection(t)
		if t.Trigger && t.Usage && !owned[t.Owner] {
			r.Add(results.Finding{Kind: results.Risk, Operation: "trigger", Table: t.String(), As: "any session",
				Evidence: "the app role holds TRIGGER: a trigger that one session makes runs in the sessions of all tenants, with their rows",
				Fix:      fmt.Sprintf("REVOKE TRIGGER ON %s FROM PUBLIC, %s;", t.SQL(), r.appSQL())})
		}
		if t.RLS {
			r.judgePolicies(t)
		}
	}
	creates, err := query.Strings(ctx, r.admin, fmt.Sprintf("SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = %[1]s) AND has_schema_privilege(%[1]s::name, oid, 'CREATE') ORDER BY 1", query.Literal(r.cfg.AppRole)))
	if err != nil {
		return err
	}
	var temp bool
	if err := query.One(ctx, r.admin, "SELECT has_database_privilege($1::name, current_database(), 'TEMP')", []any{r.cfg.AppRole}, &temp); err != nil {
		return err
	}
	for _, f := range r.m.Cat.Functions {
		r.judgeFunction(f, creates, temp)
	}
	return nil
}

func (r *Run) judgeProtection(t *catalog.Relation) {
	selfService := (t == r.m.Users || t == r.m.Orgs) && !t.Readable() && !t.Can(catalog.CanUpdate) && !t.Delete
	if t.RLS || selfService || r.Leaks(t.String()) || r.mentioned(t.String(), results.Risk) {
		return
	}
	r.Add(results.Finding{Kind: results.Risk, Operation: "row-level security", Table: t.String(), As: "any session",
		Evidence: "row-level security is off; no row of another tenant was there to prove it with", Fix: r.fence(t, "read")})
}

func (r *Run) mentioned(table string, kind results.Kind) bool {
	return slices.ContainsFunc(r.List(), func(f results.Finding) bool { return f.Kind == kind && f.Table == table })
}

// judgePolicies reports permissive policies that hold for every row and that no restrictive one fences in.
func (r *Run) judgePolicies(t *catalog.Relation) {
	type use struct {
		operation string
		commands  string
		allowed   bool
		condition func(catalog.Policy) string
	}
	using := func(p catalog.Policy) string { return p.Using }
	check := func(p catalog.Policy) string {
		if p.Check == "" && p.Command != "a" {
			return p.Using
		}
		return p.Check
	}
	for _, u := range []use{
		{"read", "*r", t.Readable(), using}, {"insert", "*a", t.Can(catalog.CanInsert), check}, {"update", "*w", t.Can(catalog.CanUpdate), using}, {"update", "*w", t.Can(catalog.CanUpdate), check}, {"delete", "*d", t.Delete, using},
	} {
		if !u.allowed || r.Leaks(t.String(), u.operation) || r.mentioned(t.String(), results.Risk) {
			continue
		}
		if (t == r.m.Users || t == r.m.Orgs) && u.operation == "insert" {
			continue // whoever signs up is new
		}
		open, fenced := "", false
		for _, p := range t.Policies {
			if !p.Applies || !strings.Contains(u.commands, p.Command) {
				continue
			}
			condition := u.condition(p)
			if p.Permissive && always.MatchString(condition) {
				open = p.Name
			}
			fenced = fenced || !p.Permissive && condition != "" && !always.MatchString(condition)
		}
		if open == "" || fenced {
			continue
		}
		r.Add(results.Finding{Kind: results.Risk, Operation: u.operation, Table: t.String(), As: "any session",
			Evidence: fmt.Sprintf("policy %q holds for every row, and no restrictive policy stands beside it; there was nothing to prove it with", open), Fix: r.fence(t, u.operation)})
	}
}

// judgeFunction reports functions whose names of tables or operators a session can make mean something else, and those that are trusted not to tell.
func (r *Run) judgeFunction(f *catalog.Function, creates []string, temp bool) {
	role := pgx.Identifier{r.cfg.AppRole}.Sanitize()
	if f.Leakproof {
		r.Add(results.Finding{Kind: results.Risk, Operation: "leakproof", Table: f.String(), As: "any session",
			Evidence: "is marked LEAKPROOF, so that it is asked about rows before policies and security barriers drop them",
			Fix:      fmt.Sprintf("ALTER FUNCTION %s(%s) NOT LEAKPROOF;", f.SQL(), f.Arguments)})
	}
	if !f.Definer || f.Returns == "event_trigger" || f.Owner == r.cfg.AppRole || f.Language == "c" || f.Language == "internal" || f.Atomic {
		return
	}
	path, pinned := f.SearchPath()
	pin := r.pin(f)
	risk := func(evidence, fix string) {
		if !r.shadowProven(f) {
			r.Add(results.Finding{Kind: results.Risk, Operation: "search_path", Table: f.String(), As: "any session", Evidence: evidence, Fix: fix})
		}
	}
	if !pinned {
		if names := r.shadowable(f); len(names) > 0 && temp {
			risk(fmt.Sprintf("runs with the rights of %s and names %s without a schema, on whatever search_path the session chose: its temporary tables come first", f.Owner, listed(names)), pin)
		} else if len(creates) > 0 {
			risk(fmt.Sprintf("runs with the rights of %s on whatever search_path the session chose, and the app role may create in schema %s", f.Owner, strings.Join(creates, ", ")), pin)
		}
		return
	}
	for _, schema := range strings.Split(path, ",") {
		if schema = strings.Trim(strings.TrimSpace(schema), `"`); slices.Contains(creates, schema) {
			risk(fmt.Sprintf("runs with the rights of %s and looks in schema %s, where the app role may create", f.Owner, schema),
				fmt.Sprintf("REVOKE CREATE ON SCHEMA %s FROM PUBLIC, %s;", pgx.Identifier{schema}.Sanitize(), role))
		}
	}
}

func (r *Run) shadowProven(f *catalog.Function) bool {
	return slices.ContainsFunc(r.List(), func(known results.Finding) bool {
		return known.Kind == results.Leak && strings.Contains(known.Evidence, f.String())
	})
}
