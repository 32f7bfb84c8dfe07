package sideeffects

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// triggers writes rows of attackers' own that refer to victims' rows into tables with triggers
// or rules, and looks at what became of victims' rows elsewhere: a trigger may run with its
// definer's rights, and a rule always runs with those of the table's owner.
type triggers struct {
	model    *tenancy.Model
	scope    *setup.Scope
	victims  *victims.Victims
	rows     *victims.Rows
	attempts *session.Attempts
	prover   *proof.Prover
	fixes    *fixes.Writer
	results  *results.Collector

	found  map[*catalog.Relation][]target
	states map[*catalog.Relation][]string
}

// NewTriggers returns the check of triggers and rules.
func NewTriggers(s *setup.Setup) setup.Check {
	return &triggers{s.Model, s.Scope, s.Victims, s.Rows, s.Attempts, s.Prover, s.Fixes, s.Results,
		map[*catalog.Relation][]target{}, map[*catalog.Relation][]string{}}
}

// attackersPerVictim is how many attackers write into each table with triggers, beside one who
// acts in an Org of their own.
const attackersPerVictim = 2

func (c *triggers) Run(ctx context.Context) error {
	for _, t := range c.model.Catalog.Relations {
		writable := t.Insertable() || t.Updatable() || t.Deletable()
		if len(t.Triggers)+t.Rules == 0 || !t.IsTable() || c.scope.WritesExcluded(t) || !writable {
			continue
		}
		for _, v := range c.victims.List() {
			attackers, err := c.attackers(ctx, t, v)
			if err != nil {
				return err
			}
			for _, s := range attackers {
				if err := c.write(ctx, t, v, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// attackers are a few who have nothing to do with a victim and, where an Org may own a row, one
// who acts in an Org of theirs.
func (c *triggers) attackers(
	ctx context.Context, t *catalog.Relation, v tenancy.Tenant,
) ([]session.Session, error) {
	all, err := c.victims.Attackers(ctx, v)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(s session.Session) bool { return !unrelated(s, v) })
	list := all[:min(attackersPerVictim, len(all)):min(attackersPerVictim, len(all))]
	named, err := c.named(ctx, t, v)
	if err != nil {
		return nil, err
	}
	list = append(list, named...)
	member := slices.IndexFunc(all, func(s session.Session) bool { return len(s.Identity.Orgs) > 0 })
	if o := c.model.Of(t); member < 0 || len(o.Orgs)+len(o.Either)+len(o.Parents) == 0 {
		return list, nil
	}
	acting, err := c.victims.Acting(ctx, *all[member].Identity.Person, all[member].Identity.Orgs[0])
	return append(list, acting), err
}

// namedRows is how many rows are searched for a Person whom one of them names.
const namedRows = 8

// named is a session of a Person whom a row of the table names and who has nothing to do with a
// victim, such as one with an invitation, or none.
func (c *triggers) named(ctx context.Context, t *catalog.Relation, v tenancy.Tenant) ([]session.Session, error) {
	o := c.model.Of(t)
	if o.Class != tenancy.ClassTenant || len(o.Persons) == 0 || !t.Updatable() {
		return nil, nil
	}
	rows, err := c.rows.Matching(ctx, t, query.Column("a", o.Persons[0])+" IS NOT NULL", namedRows)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		s, err := c.victims.SessionOf(ctx, *row.Values[o.Persons[0]])
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if unrelated(s, v) {
			return []session.Session{s}, nil
		}
	}
	return nil, nil
}

// unrelated reports whether a session is another Person's who has nothing to do with a victim:
// what reaches a co-member may be a message that they should get.
func unrelated(s session.Session, v tenancy.Tenant) bool {
	i := s.Identity
	if i.Person == nil || len(s.Extra) > 0 || s.Role != "" {
		return false
	}
	if v.IsOrg() {
		return !slices.Contains(i.Orgs, v.ID)
	}
	return *i.Person != v.ID && !slices.Contains(i.CoMembers, v.ID)
}

// trigger is a write that sets off a table's triggers and rules.
type trigger struct {
	verb string
	sql  string
	own  proof.Counts // what the statement itself changes in the table; that of an update is known after it
}

// updating is the verb of an UPDATE of own rows.
const updating = "updating"

// write makes one attacker's own writes on a table.
func (c *triggers) write(ctx context.Context, t *catalog.Relation, v tenancy.Tenant, s session.Session) error {
	rows, err := c.rowsReferring(ctx, t, v, s)
	if err != nil {
		return err
	}
	for i, values := range rows {
		writes := c.writes(t, s, values)
		if i == 0 {
			writes = append(writes, c.intoStates(t, s)...)
		}
		for _, w := range writes {
			c.results.CountWrite()
			err := c.attempts.Write(ctx, s, func(tx *session.Tx) error {
				before, err := c.prover.Counts(ctx, tx)
				if err != nil {
					return err
				}
				n, err := tx.Affected(ctx, w.sql)
				if err != nil {
					return err
				}
				if w.verb == updating {
					w.own.Updated = n
				}
				done := side{t, v, w.verb, values, before, w.own}
				if err := c.lookElsewhere(ctx, tx, done); err != nil {
					return err
				}
				return c.lookInside(ctx, tx, done)
			})
			if query.Lost(err) != nil {
				return err
			}
		}
	}
	return nil
}

func (c *triggers) writes(t *catalog.Relation, s session.Session, values victims.Values) []trigger {
	o := c.model.Of(t)
	var list []trigger
	for _, insert := range c.inserts(t, values) {
		if insert.SQL == "" || !t.Insertable() {
			continue
		}
		list = append(list, trigger{"inserting", insert.SQL, proof.Counts{Inserted: 1}})
		if t.Deletable() {
			sql := insert.SQL + "; DELETE FROM " + t.SQL() + " a WHERE " + c.inserted(t, values, insert)
			list = append(list, trigger{"inserting and deleting", sql, proof.Counts{Inserted: 1, Deleted: 1}})
		}
	}
	var sets []string
	for _, column := range t.Columns {
		value := values[column.Name]
		own := slices.Contains(t.Key, column.Name) || slices.Contains(o.Persons, column.Name) ||
			slices.Contains(o.Orgs, column.Name) && acts(s)
		if column.Update && !column.Generated && value != nil && !own {
			sets = append(sets, column.Assign(value))
		}
	}
	if len(sets) > 0 {
		sql := fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), strings.Join(sets, ", "), c.owned(t, s))
		list = append(list, trigger{updating, sql, proof.Counts{}})
	}
	return list
}

// inserts are those of a row. A key may be what refers to the victim's row, or be taken.
func (c *triggers) inserts(t *catalog.Relation, values victims.Values) []victims.Insertion {
	list := []victims.Insertion{c.rows.Insert(t, values, victims.NewKeys), c.rows.Insert(t, values, victims.SameKeys)}
	unique, kept := slices.Concat(t.Unique...), c.compared(t)
	if slices.ContainsFunc(kept, func(name string) bool { return slices.Contains(unique, name) }) {
		list = append(list, c.rows.Insert(t, values, victims.NewKeys, kept...))
	}
	return list
}

// rowsReferring returns rows of t that are the attacker's and otherwise refer to the victim's
// rows: by foreign keys, by their columns' names, or by what triggers and rules compare.
func (c *triggers) rowsReferring(ctx context.Context, t *catalog.Relation, v tenancy.Tenant,
	s session.Session) ([]victims.Values, error) {
	m := c.model
	var rows []victims.Values
	if m.Of(t).Class == tenancy.ClassTenant {
		theirs, err := c.rows.Matching(ctx, t, m.OwnedBy(t, v), 1)
		if err != nil {
			return nil, err
		}
		for _, row := range theirs {
			rows = append(rows, maps.Clone(row.Values))
		}
	}
	made, err := c.rows.Favourable(ctx, t, s, v)
	if err != nil {
		return nil, err
	}
	pairs, leading, pristine := c.pairs(t, v, s, made), []victims.Values{made}, maps.Clone(made)
	leads := false
	for _, target := range c.targets(t) {
		held, err := c.rows.Any(ctx, target.table, target.keys, target.of(m.OwnedBy(target.table, v))+
			c.privateFirst(target.table))
		if err != nil {
			return nil, err
		}
		if held == nil {
			continue
		}
		row := made
		if target.compared {
			row = maps.Clone(made)
			leading = append(leading, row)
			if !maps.EqualFunc(made, pristine, victims.Equal) { // the only reference to the victim
				alone := maps.Clone(pristine)
				target.fill(t, alone, held)
				leading = append(leading, alone)
			}
		}
		target.fill(t, row, held)
		leads = true
		for i := range target.columns {
			if len(target.columns) > 1 { // a policy may ask that another leads to a row of the session's
				alone := maps.Clone(pristine)
				target.only(i).fill(t, alone, held[i:i+1])
				leading = append(leading, alone)
			}
		}
	}
	rows = append(rows, leading...)
	if leads {
		rows = append(rows, c.unfilled(t, leading)...)
	}
	rows, err = c.owning(ctx, t, s, rows)
	return append(rows, pairs...), err
}

// pairs are rows that lead from a tenant of the session's to the victim, such as from a parent to
// its subsidiary, each way. There are none where a row names no two tenants of the victim's kind.
func (c *triggers) pairs(
	t *catalog.Relation, v tenancy.Tenant, s session.Session, like victims.Values,
) []victims.Values {
	columns, mine := c.model.Holding(t, v.Kind), s.Identity.Person
	if v.IsOrg() {
		if mine = nil; len(s.Identity.Orgs) > 0 {
			mine = &s.Identity.Orgs[0]
		}
	}
	if len(columns) < 2 || mine == nil || !t.IsTable() || c.model.Of(t).AreTenants() {
		return nil
	}
	var rows []victims.Values
	for _, theirs := range columns {
		row := maps.Clone(like)
		for _, column := range columns {
			row[column] = mine
		}
		row[theirs] = &v.ID
		rows = append(rows, row)
	}
	return rows
}

// side is a write whose side effects are looked for.
type side struct {
	table  *catalog.Relation
	victim tenancy.Tenant
	verb   string
	values victims.Values // that the statement wrote
	before map[*catalog.Relation]proof.Counts
	own    proof.Counts // what the statement itself changed in the table
}

// lookElsewhere reports the victim's rows, in other tables or beside the session's own, that a
// write changed.
func (c *triggers) lookElsewhere(ctx context.Context, tx *session.Tx, w side) error {
	after, err := c.prover.Counts(ctx, tx)
	if err != nil {
		return err
	}
	for _, other := range c.scope.OwnedTables() {
		made := after[other].Since(w.before[other])
		if other == w.table {
			made = made.Since(w.own)
		}
		if c.scope.Excused(other) || made == (proof.Counts{}) {
			continue
		}
		change, err := c.prover.Changed(ctx, tx, proof.VictimRows{Victim: w.victim, Table: other}, made)
		if err != nil {
			return err
		}
		if change == nil {
			continue
		}
		c.results.Add(results.Finding{
			Kind: results.Leak, Operation: change.Operation, Table: other.String(), As: tx.Session.Label,
			Evidence: fmt.Sprintf("reached %s by %s a row of %s, whose trigger or rule then touched it",
				change.What, w.verb, w.table),
			Fix: c.fixes.Revoke("INSERT, UPDATE, DELETE", w.table,
				"or make its triggers and rules check whose rows they touch"),
		})
	}
	return nil
}
