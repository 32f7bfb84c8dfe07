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

// eavesdrop is a function that every session may make for itself and that remembers what a view passes to it. Its cost is so low that the
// planner asks it before the view's own conditions, unless the view is a security barrier.
const eavesdrop = `SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;
SELECT set_config('onboardbot.overheard', '', true);
CREATE FUNCTION pg_temp.overhear(v anyelement) RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0000001 AS $$ BEGIN
IF length(current_setting('onboardbot.overheard')) < 8000 AND v IS NOT NULL THEN
PERFORM set_config('onboardbot.overheard', current_setting('onboardbot.overheard') || E'\n' || v::text, true); END IF; RETURN true; END $$`

// checkViews looks for what reads alone do not show: views whose conditions are not barriers, writes through views, and relations that repeat
// tenants' data without saying whose it is.
func (r *Run) checkViews(ctx context.Context) error {
	for _, t := range r.tables {
		if !t.IsView() {
			continue
		}
		if t.Kind == "v" && t.Readable() && !t.Option("security_invoker") && !t.Option("security_barrier") && !r.Leaks(t.String(), "read") {
			if err := r.probeLeakyView(ctx, t); err != nil {
				return err
			}
		}
		if t.Kind == "v" && !r.cfg.Tenancy.Tables[t.String()].SkipWrites {
			if err := r.writeThrough(ctx, t); err != nil {
				return err
			}
		}
	}
	return r.checkCopies(ctx)
}

// overhear proves that a view without a barrier tells a cheap function about rows before it drops them.
func (r *Run) probeLeakyView(ctx context.Context, t *catalog.Relation) error {
	columns := r.m.Of(t).TenantColumns()
	for _, s := range r.anyone[:min(4, len(r.anyone))] {
		for _, name := range columns {
			if c := t.Column(name); c == nil || !c.Select {
				continue
			}
			var heard string
			err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
				if err := query.Exec(ctx, conn, eavesdrop); err != nil {
					return err
				}
				var n int
				if err := query.One(ctx, conn, fmt.Sprintf("SELECT count(*) FROM %s a WHERE pg_temp.overhear(%s)", t.SQL(), query.Column("a", name)), nil, &n); err != nil {
					return err
				}
				return query.One(ctx, conn, "SELECT current_setting('onboardbot.overheard')", nil, &heard)
			})
			if err != nil && query.SQLState(err) == "" {
				return err
			}
			if err != nil {
				continue
			}
			owner, err := r.foreignAmong(ctx, t, name, strings.Fields(heard), s)
			if err != nil {
				return err
			}
			if owner != "" {
				r.Add(results.Finding{Kind: results.Leak, Operation: "read", Table: t.String(), As: s.Label,
					Evidence: fmt.Sprintf("read values of %s by a function of the session's own, which the view asks before its own condition", owner),
					Fix:      fmt.Sprintf("ALTER VIEW %s SET (security_barrier = true);", t.SQL())})
				return nil
			}
		}
	}
	return nil
}

// foreignAmong returns the owner of a value that is not the session's to know, or nothing.
func (r *Run) foreignAmong(ctx context.Context, t *catalog.Relation, name string, values []string, s session.Session) (string, error) {
	o := r.m.Of(t)
	for _, v := range values {
		switch {
		case slices.Contains(o.User, name):
			if s.Person != nil && v != *s.Person && !slices.Contains(s.CoMembers, v) {
				return "Person " + v, nil
			}
		case slices.Contains(o.Org, name):
			if !slices.Contains(s.Orgs, v) {
				return "Org " + v, nil
			}
		}
	}
	for _, p := range o.Parents {
		if p.Columns[0] != name || len(values) == 0 {
			continue
		}
		w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
		owners, err := query.Strings(ctx, r.admin, fmt.Sprintf("SELECT coalesce(%s, 'somebody') FROM %s a WHERE %s::text = ANY(%s::text[]) AND %s LIMIT 1", r.m.Owner(p.Table, "a"), p.Table.SQL(),
			query.Column("a", p.TargetCols[0]), query.Array(values), r.m.Foreign(p.Table, "a", w, tenancy.Truth)))
		if err != nil || len(owners) > 0 {
			return strings.Join(owners, ""), err
		}
	}
	return "", nil
}

// writeThrough attempts writes through a view, which run with its owner's rights unless it is the invoker's.
func (r *Run) writeThrough(ctx context.Context, t *catalog.Relation) error {
	o := r.m.Of(t)
	for _, v := range r.victims {
		condition := ""
		switch {
		case v.Org != "" && len(o.Org) > 0:
			condition = fmt.Sprintf("%s::text = %s", query.Column("a", o.Org[0]), query.Literal(v.Org))
		case v.Person != "" && len(o.User) > 0:
			condition = fmt.Sprintf("%s::text = %s", query.Column("a", o.User[0]), query.Literal(v.Person))
		case !o.Direct() && len(o.Parents) > 0:
			p := o.Parents[0]
			row, err := r.anyRow(ctx, p.Table, p.TargetCols, r.m.OwnedBy(p.Table, v))
			if err != nil {
				return err
			}
			if len(row) > 0 && row[0] != nil {
				condition = fmt.Sprintf("%s::text = %s", query.Column("a", p.Columns[0]), query.Literal(*row[0]))
			}
		}
		if condition == "" {
			continue
		}
		attackers, err := r.attackers(ctx, v)
		if err != nil {
			return err
		}
		for _, s := range attackers {
			if err := r.throughView(ctx, t, v, s, condition); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Run) throughView(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, s session.Session, condition string) error {
	var statements []struct{ operation, sql string }
	add := func(operation, sql string) {
		statements = append(statements, struct{ operation, sql string }{operation, sql})
	}
	if c := r.touchable(t); c != nil {
		value := "NULL"
		if c.Category == "S" {
			value = query.Literal("x")
		} else if c.NotNull {
			value = query.Column("a", c.Name)
		}
		add("update", fmt.Sprintf("UPDATE %s a SET %s = %s WHERE %s", t.SQL(), pgx.Identifier{c.Name}.Sanitize(), value, condition))
	}
	if t.Usage && t.Delete {
		add("delete", fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), condition))
	}
	if t.Can(catalog.CanInsert) {
		values := map[string]*string{}
		for _, c := range t.Columns {
			if value, err := r.baseValue(ctx, t, c, v); err != nil {
				return err
			} else if value != nil {
				values[c.Name] = value
			}
		}
		for _, name := range r.m.Of(t).Org {
			if values[name] = nil; v.Org != "" {
				values[name] = &v.Org
			}
		}
		for _, name := range r.m.Of(t).User {
			if v.Person != "" {
				values[name] = &v.Person
			}
		}
		if sql, _ := r.insertion(t, values, freshly); sql != "" {
			add("insert", sql)
		}
	}
	for _, st := range statements {
		if r.Leaks(t.String(), st.operation) {
			continue
		}
		r.Coverage.WriteAttempts++
		r.Tried(t.String(), st.operation)
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			n, err := query.Affected(ctx, conn, st.sql)
			if err != nil || n == 0 {
				return err
			}
			evidence := ""
			if st.operation == "delete" {
				evidence = fmt.Sprintf("deleted %d rows of %s through the view", n, v)
			}
			for _, base := range r.m.Cat.Relations {
				if evidence != "" || !r.m.Of(base).Owned() || base.IsView() || base.Kind == "f" || base.Partition || !strings.Contains(t.Definition, base.Name) {
					continue
				}
				p, err := r.written(ctx, conn, s, v, base, "true", tenancy.Placed)
				if err != nil {
					return err
				}
				if p != nil {
					evidence = fmt.Sprintf("wrote %s %s of %s through the view", base, p.Key, p.Owner)
				}
			}
			if evidence != "" {
				r.Add(results.Finding{Kind: results.Leak, Operation: st.operation, Table: t.String(), As: s.Label, Evidence: evidence, Fix: r.fence(t, st.operation)})
			}
			return nil
		})
		if err != nil && query.SQLState(err) == "" {
			return err
		}
	}
	return nil
}

// baseValue is a value for a view's column, from a row of a table that has a column of the same name.
func (r *Run) baseValue(ctx context.Context, t *catalog.Relation, c *catalog.Column, v tenancy.Tenant) (*string, error) {
	for _, base := range r.m.Cat.Relations {
		b := base.Column(c.Name)
		if base.IsView() || b == nil || b.Type != c.Type || !strings.Contains(t.Definition, base.Name) || !r.m.Of(base).Owned() {
			continue
		}
		if slices.Contains(base.Key, c.Name) {
			return fresh(b), nil
		}
		row, err := r.anyRow(ctx, base, []string{c.Name}, r.m.OwnedBy(base, v))
		if err != nil {
			return nil, err
		}
		if len(row) > 0 {
			return row[0], nil
		}
		return imagined(b), nil
	}
	return nil, nil
}
