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

// touchable is a column to update with the value that it has: best one that no key or policy turns on.
func (r *Run) touchable(t *catalog.Relation) *catalog.Column {
	var worst, best *catalog.Column
	held := r.m.Of(t).TenantColumns()
	for _, key := range t.Unique {
		held = append(held, key...)
	}
	for _, fk := range t.ForeignKeys {
		held = append(held, fk.Columns...)
	}
	for _, c := range t.Columns {
		if !c.Update && !t.Elsewhere || c.Generated {
			continue
		}
		worst = c
		if !slices.Contains(held, c.Name) && (best == nil || best.Category != "S" && c.Category == "S") {
			best = c
		}
	}
	if best != nil {
		return best
	}
	return worst
}

// claims renders assignments that make a row the attacker's own.
func (r *Run) claims(t *catalog.Relation, s session.Session) string {
	o := r.m.Of(t)
	if c := t.Column(r.m.OwnerColumn); s.Person != nil && o.Class == tenancy.ClassOrgs && c != nil && c.Update {
		return pgx.Identifier{c.Name}.Sanitize() + " = " + c.Literal(s.Person)
	}
	if s.Person == nil || o.Class != tenancy.ClassTenant || len(o.User) == 0 {
		return ""
	}
	var sets []string
	for _, name := range o.Org {
		c := t.Column(name)
		if c == nil || !c.Update || c.NotNull {
			return ""
		}
		sets = append(sets, pgx.Identifier{name}.Sanitize()+" = NULL")
	}
	for _, name := range o.User {
		c := t.Column(name)
		if c == nil || !c.Update {
			return ""
		}
		sets = append(sets, pgx.Identifier{name}.Sanitize()+" = "+c.Literal(s.Person))
	}
	return strings.Join(sets, ", ")
}

// tryUpdate changes the victim's row, takes it over, and updates without looking.
func (r *Run) tryUpdate(ctx context.Context, t *catalog.Relation, to target, s session.Session, out *outcome) error {
	c := r.touchable(t)
	if to.place == "" || c == nil || r.names(t, to, s) {
		return nil
	}
	touch := pgx.Identifier{c.Name}.Sanitize() + " = " + c.Literal(to.values[c.Name])
	sets := []string{touch}
	if claims := r.claims(t, s); claims != "" {
		sets = append(sets, claims)
	}
	for i, set := range sets {
		how := "updated"
		if i == 1 {
			how = "took over"
		}
		for _, where := range r.aims(ctx, t, to) {
			err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
				n, err := query.Affected(ctx, conn, fmt.Sprintf("UPDATE %s a SET %s%s", t.SQL(), set, where))
				if err != nil {
					return err
				}
				out.tried++
				return r.reached(ctx, conn, t, "update", how, to, s, n, where == "", out)
			})
			if err != nil && !out.judge(err) {
				return err
			}
			if out.proven {
				return nil
			}
		}
	}
	return nil
}

// names reports whether a membership names the session's own Person, who may accept or end it; [run.tryRejoin] asks for the rest.
func (r *Run) names(t *catalog.Relation, to target, s session.Session) bool {
	named := to.values[r.m.MemberUser]
	return t == r.m.Members && s.Person != nil && named != nil && *named == *s.Person
}

// aims are the conditions to write with: at the row itself, and at none, since a statement that looks at nothing is held to fewer policies.
func (r *Run) aims(ctx context.Context, t *catalog.Relation, to target) []string {
	aims := []string{" WHERE " + to.place}
	// What can be read may be only some of the rows, and not the ones at hand.
	separate := !t.SelectAll || r.Leaks(t.String(), "read") || slices.ContainsFunc(t.Policies, func(p catalog.Policy) bool { return p.Command != "*" })
	if separate && r.small(ctx, t) {
		aims = append(aims, "")
	}
	return aims
}

// small reports whether a table may be written to without WHERE.
func (r *Run) small(ctx context.Context, t *catalog.Relation) bool {
	if small, known := r.smalls[t]; known {
		return small
	}
	var n int
	limit := r.cfg.Budget.BlindWriteRows
	err := query.One(ctx, r.admin, fmt.Sprintf("SELECT count(*) FROM (SELECT FROM %s LIMIT %d) s", t.SQL(), limit+1), nil, &n)
	r.smalls[t] = err == nil && n <= limit
	return r.smalls[t]
}

// reached proves a write by the rows it reached: the victim's one, or more than the attacker has.
func (r *Run) reached(ctx context.Context, conn *pgx.Conn, t *catalog.Relation, operation, how string, to target, s session.Session, n int, blind bool, out *outcome) error {
	if n == 0 {
		return nil
	}
	if !blind {
		r.writeLeak(ctx, t, operation, s, fmt.Sprintf("%s %s of %s", how, to.key, to.victim), out)
		return nil
	}
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	var own int
	if err := query.One(ctx, r.admin, fmt.Sprintf("SELECT count(*) FROM %s a WHERE NOT coalesce(%s, false)", t.SQL(), r.m.ForeignWrite(t, "a", w, tenancy.Changed)), nil, &own); err != nil {
		return err
	}
	if n <= own {
		return nil
	}
	such := ""
	if operation == "update" {
		p, err := r.written(ctx, conn, s, to.victim, t, "true", tenancy.Changed)
		if err != nil {
			return err
		}
		if p != nil {
			such = fmt.Sprintf(", such as %s of %s,", p.Key, p.Owner)
		}
	}
	r.writeLeak(ctx, t, operation, s, fmt.Sprintf("%s %s of others%s by a statement without WHERE", how, results.Plural(n-own, "row"), such), out)
	return nil
}
