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
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// reachesOut matches sources of functions whose effects a rollback does not undo, or which should not be provoked.
var reachesOut = regexp.MustCompile(`(?i)\b(dblink\w*|http_\w+|net\.http|pg_sleep|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|lo_export|lo_import|pg_read_file|pg_write_file|setval|copy\s+.*\bprogram|pg_logical_emit_message|pg_switch_wal|pg_advisory_lock)\b`)

// checkFunctions calls SECURITY DEFINER functions as attackers, with what belongs to victims, and looks at what comes back and at what they did.
func (r *Run) checkFunctions(ctx context.Context) error {
	prey, err := r.distinctive(ctx)
	if err != nil {
		return err
	}
	for _, f := range r.m.Cat.Functions {
		if !f.Definer || !f.Executable || f.Returns == "trigger" || f.Returns == "event_trigger" || f.Owner == r.cfg.AppRole {
			continue
		}
		if slices.Contains(r.cfg.ExcusedFunctions, f.String()) {
			r.Coverage.Excused = append(r.Coverage.Excused, f.String()+": calls")
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

func (r *Run) functionRisk(f *catalog.Function, reach []string, why string) {
	r.Add(results.Finding{Kind: results.Risk, Operation: "execute", Table: f.String(), As: "any session",
		Evidence: fmt.Sprintf("runs with the rights of %s, reaches %s, and %s", f.Owner, strings.Join(reach, ", "), why),
		Fix:      fmt.Sprintf("REVOKE EXECUTE ON ROUTINE %s(%s) FROM PUBLIC, %s;", f.SQL(), f.Arguments, pgx.Identifier{r.cfg.AppRole}.Sanitize())})
}

// blames reports whether a finding names the function already.
func (r *Run) blames(f *catalog.Function) bool {
	return slices.ContainsFunc(r.List(), func(known results.Finding) bool { return strings.Contains(known.Evidence, f.String()+"(") })
}

// mentions lists the tenants' tables that a function's source names.
func (r *Run) mentions(f *catalog.Function) []string {
	var found []string
	for _, t := range r.m.Cat.Relations {
		if r.m.Of(t).Owned() && !t.Partition && regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(t.Name)+`\b`).MatchString(f.Source) {
			found = append(found, t.String())
		}
	}
	return found
}

// callAll tries a function with several argument lists and attackers. It reports whether any call was answered or refused by the function itself.
func (r *Run) callAll(ctx context.Context, f *catalog.Function, prey *canaries) (bool, error) {
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
				r.Coverage.Functions++
				answer, err := r.call(ctx, f, args, s, v, prey)
				switch code := query.SQLState(err); {
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
func (r *Run) judgeAggregate(f *catalog.Function, answers map[string]map[string]bool) {
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

func readsIdentity(source string, names session.Settings) bool {
	return strings.Contains(source, names.User) || names.Org != "" && strings.Contains(source, names.Org)
}
