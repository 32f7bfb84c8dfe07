package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// CheckReads reads every table as every tenant.
func (r *Run) CheckReads(ctx context.Context) error {
	var tables []*catalog.Relation
	for _, t := range r.tables {
		// Without row-level security no identity changes what a table shows, and a sample has read it already.
		if t.Readable() && !r.m.Directory[t.OID] && r.tired[t] < timeoutPatience && (t.RLS || t.IsView()) {
			tables = append(tables, t)
		}
	}
	rd := newReading(r, tables)
	seen, err := rd.everyTenant(ctx, r.tenant)
	r.Coverage.Persons, r.Coverage.Orgs = seen.Persons, seen.Orgs
	if err != nil {
		return err
	}
	if seen.Persons == 0 {
		r.LeaveOut("no tenants: there is nobody to read as, and nothing to read")
	}
	for _, t := range tables {
		if err := r.confirmSuspects(ctx, rd, t); err != nil {
			return err
		}
	}
	if err := r.checkSlowly(ctx, rd, tables); err != nil {
		return err
	}
	r.Coverage.Reads += rd.checks
	return nil
}

// weigh asks the truth about everyone who saw rows of a table that seem another's.
func (r *Run) confirmSuspects(ctx context.Context, rd *reading, t *catalog.Relation) error {
	r.Tried(t.String(), "read")
	if n := rd.refusals[t]; n > 0 {
		if rd.answered[t]["members acting in an Org"] && !rd.answered[t]["Persons"] {
			r.Note("%s: its policies answer only who acts in an Org, and others with an error: %s", t, rd.reasons[t])
		} else {
			rd.failures[t] += n
		}
	}
	if rd.failures[t] > 0 {
		gaveUp := ""
		if rd.given[t] {
			gaveUp = ", and was given up"
		}
		r.LeaveOut("%s: could not be read by %d sessions%s: %s", t, rd.failures[t], gaveUp, rd.reasons[t])
	}
	for _, s := range rd.suspects[t] {
		if r.Leaks(t.String(), "read") {
			break
		}
		w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
		p, err := r.confirmed(ctx, s, t, r.m.Foreign(t, "a", w, tenancy.Attacker))
		switch {
		case err != nil && query.SQLState(err) == "":
			return err
		case err != nil:
			r.LeaveOut("%s: a suspicion could not be confirmed: %s", t, query.Describe(err))
			return nil
		case p != nil:
			r.readLeak(ctx, t, s, p, rd.whoElse(t))
		}
	}
	return nil
}

// whoElse says how many sessions of each kind saw foreign rows.
func (rd *reading) whoElse(t *catalog.Relation) string {
	var parts []string
	for kind, n := range rd.suspected[t] {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(parts)
	if len(parts) == 0 || !rd.run.m.Certain(t) {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// checkSlowly compares row by row what every tenant sees of tables whose owners the app role may not read.
func (r *Run) checkSlowly(ctx context.Context, rd *reading, tables []*catalog.Relation) error {
	slow := slices.DeleteFunc(slices.Clone(tables), func(t *catalog.Relation) bool { return !rd.slow[t] })
	if len(slow) == 0 {
		return nil
	}
	failures := map[*catalog.Relation]int{}
	_, err := session.All(ctx, r.m, r.admin, r.tenant, func(batch []session.Session) error {
		for _, s := range batch {
			for _, t := range slow {
				if failures[t] >= timeoutPatience || r.Leaks(t.String(), "read") {
					continue
				}
				if err := r.limit(ctx, 1); err != nil {
					return err
				}
				p, err := r.confirmed(ctx, s, t, "true")
				switch {
				case err != nil && query.SQLState(err) == "":
					return err
				case refusal(err) && s.Claims():
				case err != nil:
					failures[t]++
					r.LeaveOut("%s: could not be compared with the truth: %s", t, query.Describe(err))
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
func (r *Run) confirmed(ctx context.Context, s session.Session, t *catalog.Relation, condition string) (*proof, error) {
	var p *proof
	err := r.in(ctx, s, true, func(conn *pgx.Conn) error {
		var err error
		p, err = r.confirm(ctx, conn, s, t, condition)
		return err
	})
	return p, err
}
