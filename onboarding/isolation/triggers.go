package isolation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// checkTriggers writes rows of attackers' own that point to victims' into tables with triggers or rules, and looks at what became of victims' rows
// elsewhere: a trigger may run with its definer's rights, and a rule always does with those of the table's owner.
func (r *run) checkTriggers(ctx context.Context) error {
	for _, t := range r.m.cat.Relations {
		if t.Triggers+t.Rules == 0 || t.isView() || t.Kind == "f" || t.Partition || r.spared(t) ||
			!t.can(canInsert) && !t.can(canUpdate) && (!t.Usage || !t.Delete) {
			continue
		}
		for _, v := range r.victims {
			attackers, err := r.attackers(ctx, v)
			if err != nil {
				return err
			}
			tried := 0
			for _, s := range attackers {
				// What reaches a mate may be a message that they should get.
				if tried == 2 || s.Person == nil || len(s.Extra) > 0 || s.Role != "" || slices.Contains(s.Mates, v.Person) || slices.Contains(s.Orgs, v.Org) {
					continue
				}
				tried++
				if err := r.setOff(ctx, t, v, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// setOff makes one attacker's own writes on a table that has triggers or rules.
func (r *run) setOff(ctx context.Context, t *relation, v victim, s session) error {
	rows, err := r.pointing(ctx, t, v, s)
	if err != nil {
		return err
	}
	verbs := map[string]string{"INSERT": "inserting", "UPDATE": "updating", "DELETE": "deleting"}
	for _, values := range rows {
		var sets []string
		for _, c := range t.Columns {
			if value := values[c.Name]; c.Update && !c.Generated && value != nil && !slices.Contains(t.Key, c.Name) && !slices.Contains(r.m.of(t).User, c.Name) {
				sets = append(sets, pgx.Identifier{c.Name}.Sanitize()+" = "+c.literal(value))
			}
		}
		var statements []string
		// A key may be what points, or be taken.
		for _, how := range []manner{freshly, again} {
			insert, condition := r.insertion(t, values, how)
			if insert == "" || !t.can(canInsert) {
				continue
			}
			statements = append(statements, insert)
			if t.Usage && t.Delete && condition != "true" {
				statements = append(statements, insert+"; DELETE FROM "+t.SQL()+" a WHERE "+condition)
			}
		}
		if len(sets) > 0 {
			statements = append(statements, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), strings.Join(sets, ", "), r.mineOf(t, s)))
		}
		for _, sql := range statements {
			r.coverage.WriteAttempts++
			err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
				if _, err := affected(ctx, conn, sql); err != nil {
					return err
				}
				return r.bystanders(ctx, conn, s, v, t, verbs[sql[:6]])
			})
			if err != nil && sqlstate(err) == "" {
				return err
			}
		}
	}
	return nil
}

// pointing are rows of t that name the attacker and otherwise lead to the victim's rows, by foreign keys or by their columns' names.
func (r *run) pointing(ctx context.Context, t *relation, v victim, s session) ([]map[string]*string, error) {
	o := r.m.of(t)
	var rows []map[string]*string
	if o.Class == classTenant {
		theirs, err := r.rowsMatching(ctx, t, r.m.ownedBy(t, v), 1)
		if err != nil {
			return nil, err
		}
		for _, row := range theirs {
			rows = append(rows, maps.Clone(row.values))
		}
	}
	made, err := r.flattering(ctx, t, s, v)
	if err != nil {
		return nil, err
	}
	for _, target := range r.m.cat.Relations {
		if r.m.of(target).Class != classTenant || target.isView() || target.Partition || target.Kind == "f" || len(target.Key) != 1 {
			continue
		}
		for _, c := range t.Columns {
			leads := slices.ContainsFunc(t.ForeignKeys, func(fk foreignKey) bool {
				return fk.Target == target.OID && slices.Contains(fk.Columns, c.Name) && slices.Equal(fk.TargetCols, target.Key)
			})
			if !leads && !names(c.Name, target.Name) {
				continue
			}
			key, err := r.anyRow(ctx, target, target.Key, r.m.ownedBy(target, v))
			if err != nil {
				return nil, err
			}
			if key != nil {
				made[c.Name] = key[0]
			}
		}
	}
	rows = append(rows, made)
	for _, values := range rows {
		for _, c := range o.User {
			values[c] = s.Person
		}
	}
	return rows, nil
}

// bystanders reports the victim's rows that a write of the attacker's own changed elsewhere.
func (r *run) bystanders(ctx context.Context, conn *pgx.Conn, s session, v victim, t *relation, verb string) error {
	for _, other := range r.m.cat.Relations {
		if o := r.m.of(other); other == t || !o.owned() || other.isView() || other.Kind == "f" || other.Partition || r.cfg.Tables[other.String()].Excuse != "" {
			continue
		}
		count := fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", other.SQL(), r.m.ownedBy(other, v))
		var before, after int
		if err := one(ctx, r.admin, count, nil, &before); err != nil {
			return err
		}
		if err := r.look(ctx, conn, s, v, func() error { return one(ctx, conn, count, nil, &after) }); err != nil {
			return err
		}
		operation := map[bool]string{true: "insert", false: "update"}[after > before]
		what := ""
		if after < before {
			operation, what = "delete", plural(before-after, "row")+" of "+v.String()
		} else {
			p, err := r.written(ctx, conn, s, v, other, "true", changed)
			if err != nil {
				return err
			}
			if p != nil {
				what = p.Key + " of " + p.Owner
			}
		}
		if what == "" {
			continue
		}
		r.find(Finding{Kind: Leak, Operation: operation, Table: other.String(), As: s.Label,
			Evidence: fmt.Sprintf("reached %s by %s a row of %s, whose trigger or rule goes on to it", what, verb, t),
			Fix:      fmt.Sprintf("REVOKE INSERT, UPDATE, DELETE ON %s FROM PUBLIC, %s; -- or make its triggers and rules check whose rows they touch", t.SQL(), r.appSQL())})
	}
	return nil
}
