package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// checkReads reads every table as every tenant.
func (r *run) checkReads(ctx context.Context) error {
	var tables []*relation
	for _, t := range r.tables {
		// Without row-level security no identity changes what a table shows, and a sample has read it already.
		if t.readable() && !r.m.directory[t.OID] && r.tired[t] < timeoutPatience && (t.RLS || t.isView()) {
			tables = append(tables, t)
		}
	}
	rd := newReading(r, tables)
	seen, err := rd.everyTenant(ctx, r.only)
	r.coverage.Persons, r.coverage.Orgs = seen.Persons, seen.Orgs
	if err != nil {
		return err
	}
	if seen.Persons == 0 {
		r.leaveOut("no tenants: there is nobody to read as, and nothing to read")
	}
	for _, t := range tables {
		if err := r.weigh(ctx, rd, t); err != nil {
			return err
		}
	}
	if err := r.checkSlowly(ctx, rd, tables); err != nil {
		return err
	}
	r.coverage.Reads += rd.checks
	return nil
}

// weigh asks the truth about everyone who saw rows of a table that seem another's.
func (r *run) weigh(ctx context.Context, rd *reading, t *relation) error {
	r.try(t.String(), "read")
	if n := rd.refusals[t]; n > 0 {
		if rd.answered[t]["members acting in an Org"] && !rd.answered[t]["Persons"] {
			r.note("%s: its policies answer only who acts in an Org, and others with an error: %s", t, rd.reasons[t])
		} else {
			rd.failures[t] += n
		}
	}
	if rd.failures[t] > 0 {
		gaveUp := ""
		if rd.given[t] {
			gaveUp = ", and was given up"
		}
		r.leaveOut("%s: could not be read by %d sessions%s: %s", t, rd.failures[t], gaveUp, rd.reasons[t])
	}
	for _, s := range rd.suspects[t] {
		if r.leaks(t.String(), "read") {
			break
		}
		w := r.m.identity(s.Person, s.Orgs, s.Mates)
		p, err := r.confirmed(ctx, s, t, r.m.foreign(t, "a", w, attacker))
		switch {
		case err != nil && sqlstate(err) == "":
			return err
		case err != nil:
			r.leaveOut("%s: a suspicion could not be confirmed: %s", t, describe(err))
			return nil
		case p != nil:
			r.readLeak(ctx, t, s, p, rd.whoElse(t))
		}
	}
	return nil
}

// whoElse says how many sessions of each kind saw foreign rows.
func (rd *reading) whoElse(t *relation) string {
	var parts []string
	for kind, n := range rd.suspected[t] {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(parts)
	if len(parts) == 0 || !rd.run.m.certain(t) {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// checkSlowly compares row by row what every tenant sees of tables whose owners the app role may not read.
func (r *run) checkSlowly(ctx context.Context, rd *reading, tables []*relation) error {
	slow := slices.DeleteFunc(slices.Clone(tables), func(t *relation) bool { return !rd.slow[t] })
	if len(slow) == 0 {
		return nil
	}
	failures := map[*relation]int{}
	_, err := r.m.sessions(ctx, r.admin, r.only, func(batch []session) error {
		for _, s := range batch {
			for _, t := range slow {
				if failures[t] >= timeoutPatience || r.leaks(t.String(), "read") {
					continue
				}
				if err := r.limit(ctx, 1); err != nil {
					return err
				}
				p, err := r.confirmed(ctx, s, t, "true")
				switch {
				case err != nil && sqlstate(err) == "":
					return err
				case refusal(err) && s.claims():
				case err != nil:
					failures[t]++
					r.leaveOut("%s: could not be compared with the truth: %s", t, describe(err))
				case p != nil:
					r.readLeak(ctx, t, s, p, "")
				}
				rd.checks++
			}
		}
		return nil
	})
	return err
}

// confirmed is [run.confirm] in a transaction of its own.
func (r *run) confirmed(ctx context.Context, s session, t *relation, condition string) (*proof, error) {
	var p *proof
	err := r.in(ctx, s, true, func(conn *pgx.Conn) error {
		var err error
		p, err = r.confirm(ctx, conn, s, t, condition)
		return err
	})
	return p, err
}
