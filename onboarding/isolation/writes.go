package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
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
func (r *run) checkWrites(ctx context.Context) error {
	for _, t := range r.writable() {
		if r.cfg.Tables[t.String()].SkipWrites {
			r.coverage.Excused = append(r.coverage.Excused, fmt.Sprintf("%s: writes", t))
			continue
		}
		if err := r.writeTo(ctx, t); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.leaveOut("%s: writes: %s", t, describe(err))
		}
	}
	return r.checkCascades(ctx)
}

// samePartitions is how many partitions that look alike are written to: more would tell no more.
const samePartitions = 2

// writable are the tables on which the app role, or a role that it can become, may write.
func (r *run) writable() []*relation {
	alike := map[string]int{}
	return slices.DeleteFunc(slices.Clone(r.tables), func(t *relation) bool {
		if t.Kind == "m" || t.isView() || t.Kind == "f" || !t.Elsewhere && !t.can(canInsert) && !t.can(canUpdate) && !t.Delete && !t.Truncate {
			return true
		}
		if !t.Partition {
			return false
		}
		look := fmt.Sprint(t.Parent, t.RLS, t.Forced, t.Owner, t.Policies, t.can(canInsert), t.can(canUpdate), t.Delete, t.Truncate)
		alike[look]++
		return alike[look] > samePartitions
	})
}

func (r *run) writeTo(ctx context.Context, t *relation) error {
	targets, err := r.targets(ctx, t)
	if err != nil {
		return err
	}
	if len(targets) == 0 && r.coverage.Persons > 0 {
		r.note("%s: nobody has a row there and none could be made up, so writes were not attempted", t)
	}
	attempts := []struct {
		operation string
		allowed   bool
		try       func(context.Context, *relation, target, session, *outcome) error
	}{
		{"insert", t.Elsewhere || t.can(canInsert), r.tryInsert},
		{"update", t.Elsewhere || t.can(canUpdate), r.tryUpdate},
		{"update", t.Elsewhere || t.can(canUpdate), r.tryMove},
		{"update", t.can(canUpdate), r.tryRejoin},
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
				if out.proven || out.timeouts >= timeoutPatience || r.leaks(t.String(), a.operation) {
					break
				}
				who := target.victim.String() + s.Label + target.kind(r.m.of(t))
				if tried[who] && !strings.Contains(s.Label, "left") && !(a.operation == "delete" && out.stopped != "") {
					continue
				}
				tried[who] = true
				if err := r.limit(ctx, 1); err != nil {
					return err
				}
				r.coverage.WriteAttempts++
				if err := a.try(ctx, t, target, s, out); err != nil && !out.judge(err) {
					return err
				}
			}
		}
		if out.tried > 0 || out.proven {
			r.try(t.String(), a.operation)
		}
		r.conclude(t, a.operation, out)
	}
	return r.tryTruncate(ctx, t)
}

// attackersOf adds to the attackers on a victim whoever a row itself names.
func (r *run) attackersOf(ctx context.Context, t *relation, target target) ([]session, error) {
	sessions, err := r.attackers(ctx, target.victim)
	if err != nil || target.victim.Org == "" || r.m.of(t).Class == classMembers {
		return sessions, err
	}
	for _, c := range r.m.of(t).User {
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
	code := sqlstate(err)
	switch {
	case code == "":
		return false
	case code == "42P01" || code == "3F000":
		return false
	case strings.HasPrefix(code, "23"):
		o.tried++
		o.stopped = describe(err)
	case code == "42501", strings.HasPrefix(code, "22"), strings.HasPrefix(code, "P0"), code == "44000", code == "42704", code == "25006":
		o.tried++
	default:
		if code == timedOut {
			o.timeouts++
		}
		o.errors[describe(err)]++
	}
	return true
}

// conclude reports attempts that neither succeeded nor were refused.
func (r *run) conclude(t *relation, operation string, o *outcome) {
	if o.proven || r.leaks(t.String(), operation) {
		return
	}
	for message, n := range o.errors {
		r.leaveOut("%s: %s could not be tried %d times: %s", t, operation, n, message)
	}
}

func (r *run) writeLeak(ctx context.Context, t *relation, operation string, s session, what string, out *outcome) {
	out.proven = true
	fix := r.fence(t, operation)
	if s.Role != "" {
		fix = r.unbecome(ctx, s.Role)
	}
	r.find(Finding{Kind: Leak, Operation: operation, Table: t.String(), As: s.Label, Evidence: what, Fix: fix})
}
