package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
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
func (r *run) checkViews(ctx context.Context) error {
	for _, t := range r.tables {
		if !t.isView() {
			continue
		}
		if t.Kind == "v" && t.readable() && !t.option("security_invoker") && !t.option("security_barrier") && !r.leaks(t.String(), "read") {
			if err := r.overhear(ctx, t); err != nil {
				return err
			}
		}
		if t.Kind == "v" && !r.cfg.Tables[t.String()].SkipWrites {
			if err := r.writeThrough(ctx, t); err != nil {
				return err
			}
		}
	}
	return r.checkCopies(ctx)
}

// overhear proves that a view without a barrier tells a cheap function about rows before it drops them.
func (r *run) overhear(ctx context.Context, t *relation) error {
	columns := r.m.of(t).tenantColumns()
	for _, s := range r.anyone[:min(4, len(r.anyone))] {
		for _, name := range columns {
			if c := t.column(name); c == nil || !c.Select {
				continue
			}
			var heard string
			err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
				if err := exec(ctx, conn, eavesdrop); err != nil {
					return err
				}
				var n int
				if err := one(ctx, conn, fmt.Sprintf("SELECT count(*) FROM %s a WHERE pg_temp.overhear(%s)", t.SQL(), field("a", name)), nil, &n); err != nil {
					return err
				}
				return one(ctx, conn, "SELECT current_setting('onboardbot.overheard')", nil, &heard)
			})
			if err != nil && sqlstate(err) == "" {
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
				r.find(Finding{Kind: Leak, Operation: "read", Table: t.String(), As: s.Label,
					Evidence: fmt.Sprintf("read values of %s by a function of the session's own, which the view asks before its own condition", owner),
					Fix:      fmt.Sprintf("ALTER VIEW %s SET (security_barrier = true);", t.SQL())})
				return nil
			}
		}
	}
	return nil
}

// foreignAmong returns the owner of a value that is not the session's to know, or nothing.
func (r *run) foreignAmong(ctx context.Context, t *relation, name string, values []string, s session) (string, error) {
	o := r.m.of(t)
	for _, v := range values {
		switch {
		case slices.Contains(o.User, name):
			if s.Person != nil && v != *s.Person && !slices.Contains(s.Mates, v) {
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
		w := r.m.identity(s.Person, s.Orgs, s.Mates)
		owners, err := texts(ctx, r.admin, fmt.Sprintf("SELECT coalesce(%s, 'somebody') FROM %s a WHERE %s::text = ANY(%s::text[]) AND %s LIMIT 1", r.m.owner(p.Table, "a"), p.Table.SQL(),
			field("a", p.TargetCols[0]), array(values), r.m.foreign(p.Table, "a", w, truth)))
		if err != nil || len(owners) > 0 {
			return strings.Join(owners, ""), err
		}
	}
	return "", nil
}

// writeThrough attempts writes through a view, which run with its owner's rights unless it is the invoker's.
func (r *run) writeThrough(ctx context.Context, t *relation) error {
	o := r.m.of(t)
	for _, v := range r.victims {
		condition := ""
		switch {
		case v.Org != "" && len(o.Org) > 0:
			condition = fmt.Sprintf("%s::text = %s", field("a", o.Org[0]), literal(v.Org))
		case v.Person != "" && len(o.User) > 0:
			condition = fmt.Sprintf("%s::text = %s", field("a", o.User[0]), literal(v.Person))
		case !o.direct() && len(o.Parents) > 0:
			p := o.Parents[0]
			row, err := r.anyRow(ctx, p.Table, p.TargetCols, r.m.ownedBy(p.Table, v))
			if err != nil {
				return err
			}
			if len(row) > 0 && row[0] != nil {
				condition = fmt.Sprintf("%s::text = %s", field("a", p.Columns[0]), literal(*row[0]))
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

func (r *run) throughView(ctx context.Context, t *relation, v victim, s session, condition string) error {
	var statements []struct{ operation, sql string }
	add := func(operation, sql string) {
		statements = append(statements, struct{ operation, sql string }{operation, sql})
	}
	if c := r.touchable(t); c != nil {
		value := "NULL"
		if c.Category == "S" {
			value = literal("x")
		} else if c.NotNull {
			value = field("a", c.Name)
		}
		add("update", fmt.Sprintf("UPDATE %s a SET %s = %s WHERE %s", t.SQL(), pgx.Identifier{c.Name}.Sanitize(), value, condition))
	}
	if t.Usage && t.Delete {
		add("delete", fmt.Sprintf("DELETE FROM %s a WHERE %s", t.SQL(), condition))
	}
	if t.can(canInsert) {
		values := map[string]*string{}
		for _, c := range t.Columns {
			if value, err := r.baseValue(ctx, t, c, v); err != nil {
				return err
			} else if value != nil {
				values[c.Name] = value
			}
		}
		for _, name := range r.m.of(t).Org {
			if values[name] = nil; v.Org != "" {
				values[name] = &v.Org
			}
		}
		for _, name := range r.m.of(t).User {
			if v.Person != "" {
				values[name] = &v.Person
			}
		}
		if sql, _ := r.insertion(t, values, freshly); sql != "" {
			add("insert", sql)
		}
	}
	for _, st := range statements {
		if r.leaks(t.String(), st.operation) {
			continue
		}
		r.coverage.WriteAttempts++
		r.try(t.String(), st.operation)
		err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
			n, err := affected(ctx, conn, st.sql)
			if err != nil || n == 0 {
				return err
			}
			evidence := ""
			if st.operation == "delete" {
				evidence = fmt.Sprintf("deleted %d rows of %s through the view", n, v)
			}
			for _, base := range r.m.cat.Relations {
				if evidence != "" || !r.m.of(base).owned() || base.isView() || base.Kind == "f" || base.Partition || !strings.Contains(t.Definition, base.Name) {
					continue
				}
				p, err := r.written(ctx, conn, s, v, base, "true", placed)
				if err != nil {
					return err
				}
				if p != nil {
					evidence = fmt.Sprintf("wrote %s %s of %s through the view", base, p.Key, p.Owner)
				}
			}
			if evidence != "" {
				r.find(Finding{Kind: Leak, Operation: st.operation, Table: t.String(), As: s.Label, Evidence: evidence, Fix: r.fence(t, st.operation)})
			}
			return nil
		})
		if err != nil && sqlstate(err) == "" {
			return err
		}
	}
	return nil
}

// baseValue is a value for a view's column, from a row of a table that has a column of the same name.
func (r *run) baseValue(ctx context.Context, t *relation, c *column, v victim) (*string, error) {
	for _, base := range r.m.cat.Relations {
		b := base.column(c.Name)
		if base.isView() || b == nil || b.Type != c.Type || !strings.Contains(t.Definition, base.Name) || !r.m.of(base).owned() {
			continue
		}
		if slices.Contains(base.Key, c.Name) {
			return b.fresh(), nil
		}
		row, err := r.anyRow(ctx, base, []string{c.Name}, r.m.ownedBy(base, v))
		if err != nil {
			return nil, err
		}
		if len(row) > 0 {
			return row[0], nil
		}
		return b.imagined(), nil
	}
	return nil, nil
}
