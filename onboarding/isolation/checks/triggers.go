package checks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// checkTriggers writes rows of attackers' own that point to victims' into tables with triggers or rules, and looks at what became of victims' rows
// elsewhere: a trigger may run with its definer's rights, and a rule always does with those of the table's owner.
func (r *Run) checkTriggers(ctx context.Context) error {
	for _, t := range r.m.Cat.Relations {
		if t.Triggers+t.Rules == 0 || t.IsView() || t.Kind == "f" || t.Partition || r.writesExcluded(t) ||
			!t.Can(catalog.CanInsert) && !t.Can(catalog.CanUpdate) && (!t.Usage || !t.Delete) {
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
				if tried == 2 || s.Person == nil || len(s.Extra) > 0 || s.Role != "" || slices.Contains(s.CoMembers, v.Person) || slices.Contains(s.Orgs, v.Org) {
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
func (r *Run) setOff(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, s session.Session) error {
	rows, err := r.pointing(ctx, t, v, s)
	if err != nil {
		return err
	}
	verbs := map[string]string{"INSERT": "inserting", "UPDATE": "updating", "DELETE": "deleting"}
	for _, values := range rows {
		var sets []string
		for _, c := range t.Columns {
			if value := values[c.Name]; c.Update && !c.Generated && value != nil && !slices.Contains(t.Key, c.Name) && !slices.Contains(r.m.Of(t).User, c.Name) {
				sets = append(sets, pgx.Identifier{c.Name}.Sanitize()+" = "+c.Literal(value))
			}
		}
		var statements []string
		// A key may be what points, or be taken.
		for _, how := range []manner{freshly, again} {
			insert, condition := r.insertion(t, values, how)
			if insert == "" || !t.Can(catalog.CanInsert) {
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
			r.Coverage.WriteAttempts++
			err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
				if _, err := query.Affected(ctx, conn, sql); err != nil {
					return err
				}
				return r.bystanders(ctx, conn, s, v, t, verbs[sql[:6]])
			})
			if err != nil && query.SQLState(err) == "" {
				return err
			}
		}
	}
	return nil
}

// pointing are rows of t that name the attacker and otherwise lead to the victim's rows, by foreign keys or by their columns' names.
func (r *Run) pointing(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, s session.Session) ([]map[string]*string, error) {
	o := r.m.Of(t)
	var rows []map[string]*string
	if o.Class == tenancy.ClassTenant {
		theirs, err := r.rowsMatching(ctx, t, r.m.OwnedBy(t, v), 1)
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
	for _, target := range r.m.Cat.Relations {
		if r.m.Of(target).Class != tenancy.ClassTenant || target.IsView() || target.Partition || target.Kind == "f" || len(target.Key) != 1 {
			continue
		}
		for _, c := range t.Columns {
			leads := slices.ContainsFunc(t.ForeignKeys, func(fk catalog.ForeignKey) bool {
				return fk.Target == target.OID && slices.Contains(fk.Columns, c.Name) && slices.Equal(fk.TargetCols, target.Key)
			})
			if !leads && !catalog.Names(c.Name, target.Name) {
				continue
			}
			key, err := r.anyRow(ctx, target, target.Key, r.m.OwnedBy(target, v))
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
func (r *Run) bystanders(ctx context.Context, conn *pgx.Conn, s session.Session, v tenancy.Tenant, t *catalog.Relation, verb string) error {
	for _, other := range r.m.Cat.Relations {
		if o := r.m.Of(other); other == t || !o.Owned() || other.IsView() || other.Kind == "f" || other.Partition || r.cfg.Tenancy.Tables[other.String()].Excuse != "" {
			continue
		}
		count := fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", other.SQL(), r.m.OwnedBy(other, v))
		var before, after int
		if err := query.One(ctx, r.admin, count, nil, &before); err != nil {
			return err
		}
		if err := r.look(ctx, conn, s, v, func() error { return query.One(ctx, conn, count, nil, &after) }); err != nil {
			return err
		}
		operation := map[bool]string{true: "insert", false: "update"}[after > before]
		what := ""
		if after < before {
			operation, what = "delete", results.Plural(before-after, "row")+" of "+v.String()
		} else {
			p, err := r.written(ctx, conn, s, v, other, "true", tenancy.Changed)
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
		r.Add(results.Finding{Kind: results.Leak, Operation: operation, Table: other.String(), As: s.Label,
			Evidence: fmt.Sprintf("reached %s by %s a row of %s, whose trigger or rule goes on to it", what, verb, t),
			Fix:      fmt.Sprintf("REVOKE INSERT, UPDATE, DELETE ON %s FROM PUBLIC, %s; -- or make its triggers and rules check whose rows they touch", t.SQL(), r.appSQL())})
	}
	return nil
}
