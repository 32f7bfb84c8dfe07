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
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// outcome is what became of attempts of one operation on one table.
type outcome struct {
	proven   bool
	stopped  string // a constraint stopped what policies had let pass
	errors   map[string]int
	tried    int
	timeouts int
}

// checkWrites attempts to insert, move, update, delete and truncate as sessions that have no right to.
func (r *Run) checkWrites(ctx context.Context) error {
	for _, t := range r.writable() {
		if r.cfg.Tenancy.Tables[t.String()].SkipWrites {
			r.Coverage.Excused = append(r.Coverage.Excused, fmt.Sprintf("%s: writes", t))
			continue
		}
		if err := r.writeTo(ctx, t); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.LeaveOut("%s: writes: %s", t, query.Describe(err))
		}
	}
	return r.checkCascades(ctx)
}

// samePartitions is how many partitions that look alike are written to: more would tell no more.
const samePartitions = 2

// writable are the tables on which the app role, or a role that it can become, may write.
func (r *Run) writable() []*catalog.Relation {
	alike := map[string]int{}
	return slices.DeleteFunc(slices.Clone(r.tables), func(t *catalog.Relation) bool {
		if t.Kind == "m" || t.IsView() || t.Kind == "f" || !t.Elsewhere && !t.Can(catalog.CanInsert) && !t.Can(catalog.CanUpdate) && !t.Delete && !t.Truncate {
			return true
		}
		if !t.Partition {
			return false
		}
		look := fmt.Sprint(t.Parent, t.RLS, t.Forced, t.Owner, t.Policies, t.Can(catalog.CanInsert), t.Can(catalog.CanUpdate), t.Delete, t.Truncate)
		alike[look]++
		return alike[look] > samePartitions
	})
}

func (r *Run) writeTo(ctx context.Context, t *catalog.Relation) error {
	targets, err := r.targets(ctx, t)
	if err != nil {
		return err
	}
	if len(targets) == 0 && r.Coverage.Persons > 0 {
		r.Note("%s: nobody has a row there and none could be made up, so writes were not attempted", t)
	}
	attempts := []struct {
		operation string
		allowed   bool
		try       func(context.Context, *catalog.Relation, target, session.Session, *outcome) error
	}{
		{"insert", t.Elsewhere || t.Can(catalog.CanInsert), r.tryInsert},
		{"update", t.Elsewhere || t.Can(catalog.CanUpdate), r.tryUpdate},
		{"update", t.Elsewhere || t.Can(catalog.CanUpdate), r.tryMove},
		{"update", t.Can(catalog.CanUpdate), r.tryRejoin},
		{"delete", t.Elsewhere || t.Usage && t.Delete, r.tryDelete},
	}
	for _, a := range attempts {
		if !a.allowed {
			continue
		}
		out := &outcome{errors: map[string]int{}}
		tried := map[string]bool{} // further rows of a victim are for who has not tried, who left and may be the author of some, and when a constraint held the first
		for _, target := range targets {
			attackers, err := r.attackersOf(ctx, t, target)
			if err != nil {
				return err
			}
			for _, s := range attackers {
				if out.proven || out.timeouts >= timeoutPatience || r.Leaks(t.String(), a.operation) {
					break
				}
				who := target.victim.String() + s.Label + target.kind(r.m.Of(t))
				if tried[who] && !strings.Contains(s.Label, "left") && !(a.operation == "delete" && out.stopped != "") {
					continue
				}
				tried[who] = true
				if err := r.limit(ctx, 1); err != nil {
					return err
				}
				r.Coverage.WriteAttempts++
				if err := a.try(ctx, t, target, s, out); err != nil && !out.judge(err) {
					return err
				}
			}
		}
		if out.tried > 0 || out.proven {
			r.Tried(t.String(), a.operation)
		}
		r.conclude(t, a.operation, out)
	}
	return r.tryTruncate(ctx, t)
}

// attackersOf adds to the attackers on a victim whoever a row itself names.
func (r *Run) attackersOf(ctx context.Context, t *catalog.Relation, target target) ([]session.Session, error) {
	sessions, err := r.attackers(ctx, target.victim)
	if err != nil || target.victim.Org == "" || r.m.Of(t).Class == tenancy.ClassMembers {
		return sessions, err
	}
	for _, c := range r.m.Of(t).User {
		if author := target.values[c]; author != nil && target.place != "" {
			s, err := r.sessionOf(ctx, *author)
			if err == pgx.ErrNoRows || slices.Contains(s.Orgs, target.victim.Org) {
				continue
			}
			if err != nil {
				return nil, err
			}
			s.Label += ", its author but no member of " + target.victim.String()
			sessions = append(sessions, s)
		}
	}
	return sessions, nil
}

// judge sorts an attempt's error: refusals are what should happen. It reports false for errors that end the table's attempts.
func (o *outcome) judge(err error) bool {
	code := query.SQLState(err)
	switch {
	case code == "":
		return false
	case code == "42P01" || code == "3F000":
		return false
	case strings.HasPrefix(code, "23"):
		o.tried++
		o.stopped = query.Describe(err)
	case code == "42501", strings.HasPrefix(code, "22"), strings.HasPrefix(code, "P0"), code == "44000", code == "42704", code == "25006":
		o.tried++
	default:
		if code == query.QueryCanceled {
			o.timeouts++
		}
		o.errors[query.Describe(err)]++
	}
	return true
}

// conclude reports attempts that neither succeeded nor were refused.
func (r *Run) conclude(t *catalog.Relation, operation string, o *outcome) {
	if o.proven || r.Leaks(t.String(), operation) {
		return
	}
	for message, n := range o.errors {
		r.LeaveOut("%s: %s could not be tried %d times: %s", t, operation, n, message)
	}
}

func (r *Run) writeLeak(ctx context.Context, t *catalog.Relation, operation string, s session.Session, what string, out *outcome) {
	out.proven = true
	fix := r.fence(t, operation)
	if s.Role != "" {
		fix = r.unbecome(ctx, s.Role)
	}
	r.Add(results.Finding{Kind: results.Leak, Operation: operation, Table: t.String(), As: s.Label, Evidence: what, Fix: fix})
}
