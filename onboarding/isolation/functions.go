package isolation

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// function is a function or procedure outside the system's schemas.
type function struct {
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

func (f *function) String() string { return f.Schema + "." + f.Name }

func (f *function) SQL() string { return pgx.Identifier{f.Schema, f.Name}.Sanitize() }

func (f *function) searchPath() (string, bool) {
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

func loadFunctions(ctx context.Context, q querier, role string) ([]*function, error) {
	var functions []*function
	err := each(ctx, q, functionsSQL, []any{role}, func(rows pgx.Rows) error {
		f := &function{}
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

// reachesOut matches sources of functions whose effects a rollback does not undo, or which should not be provoked.
var reachesOut = regexp.MustCompile(`(?i)\b(dblink\w*|http_\w+|net\.http|pg_sleep|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|lo_export|lo_import|pg_read_file|pg_write_file|setval|copy\s+.*\bprogram|pg_logical_emit_message|pg_switch_wal|pg_advisory_lock)\b`)

// checkFunctions calls SECURITY DEFINER functions as attackers, with what belongs to victims, and looks at what comes back and at what they did.
func (r *run) checkFunctions(ctx context.Context) error {
	prey, err := r.distinctive(ctx)
	if err != nil {
		return err
	}
	for _, f := range r.m.cat.Functions {
		if !f.Definer || !f.Executable || f.Returns == "trigger" || f.Returns == "event_trigger" || f.Owner == r.cfg.AppRole {
			continue
		}
		if slices.Contains(r.cfg.ExcusedFunctions, f.String()) {
			r.coverage.Excused = append(r.coverage.Excused, f.String()+": calls")
			continue
		}
		reach := r.mentions(f)
		if reachesOut.MatchString(f.Source) || f.Language == "c" || f.Language == "internal" {
			if len(reach) > 0 || f.Language == "c" {
				r.functionRisk(f, reach, "was not called, since a rollback would not undo all that it does")
			}
			continue
		}
		answered, err := r.callAll(ctx, f, prey)
		if err != nil {
			return err
		}
		if !answered && len(reach) > 0 && !r.blames(f) {
			r.functionRisk(f, reach, "could not be called with plausible arguments")
		}
	}
	return nil
}

func (r *run) functionRisk(f *function, reach []string, why string) {
	r.find(Finding{Kind: Risk, Operation: "execute", Table: f.String(), As: "any session",
		Evidence: fmt.Sprintf("runs with the rights of %s, reaches %s, and %s", f.Owner, strings.Join(reach, ", "), why),
		Fix:      fmt.Sprintf("REVOKE EXECUTE ON ROUTINE %s(%s) FROM PUBLIC, %s;", f.SQL(), f.Arguments, pgx.Identifier{r.cfg.AppRole}.Sanitize())})
}

// blames reports whether a finding names the function already.
func (r *run) blames(f *function) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.findings, func(known Finding) bool { return strings.Contains(known.Evidence, f.String()+"(") })
}

// mentions lists the tenants' tables that a function's source names.
func (r *run) mentions(f *function) []string {
	var found []string
	for _, t := range r.m.cat.Relations {
		if r.m.of(t).owned() && !t.Partition && regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(t.Name)+`\b`).MatchString(f.Source) {
			found = append(found, t.String())
		}
	}
	return found
}

// callAll tries a function with several argument lists and attackers. It reports whether any call was answered or refused by the function itself.
func (r *run) callAll(ctx context.Context, f *function, prey *prey) (bool, error) {
	answered := false
	answers := map[string]map[string]bool{} // by arguments, by session
	for _, v := range r.victims {
		attackers, err := r.attackers(ctx, v)
		if err != nil {
			return false, err
		}
		for _, args := range r.argumentLists(f, v, prey) {
			for _, s := range attackers[:min(4, len(attackers))] {
				if r.blames(f) {
					return true, nil
				}
				if err := r.limit(ctx, 1); err != nil {
					return false, err
				}
				r.coverage.Functions++
				answer, err := r.call(ctx, f, args, s, v, prey)
				switch code := sqlstate(err); {
				case err == nil:
					answered = true
					if answers[args] == nil {
						answers[args] = map[string]bool{}
					}
					answers[args][answer] = true
				case code == "":
					return false, err
				case strings.HasPrefix(code, "P0"), code == "42501", strings.HasPrefix(code, "22"), strings.HasPrefix(code, "23"):
					answered = true
				}
			}
		}
	}
	r.judgeAggregate(f, answers)
	return answered, nil
}

var numeric = []string{"bigint", "integer", "numeric", "double precision", "real", "money"}

// judgeAggregate reports a number that is the same for everybody and comes from tenants' tables: it sums up everybody's rows.
func (r *run) judgeAggregate(f *function, answers map[string]map[string]bool) {
	reach := r.mentions(f)
	if !slices.Contains(numeric, f.Returns) || len(reach) == 0 || r.blames(f) || f.Volatile && readsIdentity(f.Source, r.cfg.Settings) {
		return
	}
	for _, different := range answers {
		if len(different) == 1 && !different["0"] && !different[""] && !different["null"] && !readsIdentity(f.Source, r.cfg.Settings) {
			r.functionRisk(f, reach, "gives everybody the same answer, which sums up every tenant's rows")
			return
		}
	}
}

func readsIdentity(source string, names Settings) bool {
	return strings.Contains(source, names.User) || names.Org != "" && strings.Contains(source, names.Org)
}
