package sideeffects

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// telling is the length of the shortest value that two rows do not hold by chance, where one
// refers to the other.
const telling = 4

// lookInside reports what the attacker's own row holds, after a write, of the victim's row to
// which it refers: a trigger copied it there.
func (c *triggers) lookInside(ctx context.Context, tx *session.Tx, w side) error {
	if c.results.Leaks(w.table.String(), results.Read) {
		return nil
	}
	var names []string
	for _, column := range w.table.Columns {
		if column.Select && c.isContent(w.table, column) {
			names = append(names, column.Name)
		}
	}
	var refers []string
	for _, name := range c.references(w.table) {
		if value := w.values[name]; value != nil && w.table.CanRead(name) {
			refers = append(refers, query.Column("a", name)+" = "+w.table.Column(name).Literal(value))
		}
	}
	if len(names) == 0 || len(refers) == 0 {
		return nil
	}
	row, err := c.prover.ReadWritten(ctx, tx, proof.Write{Table: w.table, Condition: query.AnyOf(refers)}, names)
	if err != nil || row == nil {
		return err
	}
	code := c.code(w.table)
	for _, name := range names {
		value := row[name]
		if value == nil || len(*value) < telling || victims.Equal(value, w.values[name]) {
			continue
		}
		if strings.Contains(code, "'"+strings.ToLower(*value)+"'") {
			continue // a default that the trigger gives
		}
		source, err := c.source(ctx, tx, w, *value)
		if err != nil {
			return err
		}
		if source == "" {
			continue
		}
		c.results.Add(results.Finding{
			Kind: results.Leak, Operation: results.Read, Table: w.table.String(), As: tx.Session.Label,
			Evidence: fmt.Sprintf("read a value of %s of %s in column %s of a row of their own, where a trigger or "+
				"rule copied it, by %s the row", source, w.victim, name, w.verb),
			Fix: c.fixes.Revoke("INSERT, UPDATE", w.table,
				"or make its triggers and rules check whose rows they copy from"),
		})
		return nil
	}
	return nil
}

// isContent reports whether a column holds what a tenant wrote, and no key or flag.
func (c *triggers) isContent(t *catalog.Relation, column *catalog.Column) bool {
	content := column.Category == catalog.String || column.Category == catalog.Numeric ||
		column.Category == catalog.DateTime
	return content && !t.InForeignKey(column.Name) && !slices.Contains(t.Key, column.Name) &&
		!slices.Contains(c.model.Of(t).Columns(), column.Name)
}

// unfilled are rows like others, first without the texts that a trigger may fill in and then with
// empty ones: many triggers copy only what the session did not give. A BEFORE trigger fills in NOT
// NULL columns, too.
func (c *triggers) unfilled(t *catalog.Relation, like []victims.Values) []victims.Values {
	code, references := c.code(t), c.references(t)
	var names []string
	for _, column := range t.Columns {
		if c.isContent(t, column) && column.Category == catalog.String && column.Insert && column.Select &&
			!slices.Contains(references, column.Name) && strings.Contains(code, strings.ToLower(column.Name)) {
			names = append(names, column.Name)
		}
	}
	if len(names) == 0 || !t.Insertable() {
		return nil
	}
	var rows []victims.Values
	for _, values := range like {
		missing, empty := maps.Clone(values), maps.Clone(values)
		for _, name := range names {
			missing[name], empty[name] = nil, new("")
		}
		rows = append(rows, missing, empty)
	}
	return rows
}

// code is the source of a table's triggers, in lower case.
func (c *triggers) code(t *catalog.Relation) string {
	var code strings.Builder
	for _, f := range c.model.Catalog.Functions {
		if slices.Contains(t.Triggers, f.OID) {
			code.WriteString(strings.ToLower(f.Source))
		}
	}
	return code.String()
}

// source names the victim's row that holds a value, if the attacker's row refers to it, no other
// tenant's row holds the value and the attacker does not see that row. It is empty otherwise.
func (c *triggers) source(ctx context.Context, tx *session.Tx, w side, value string) (string, error) {
	m := c.model
	for _, referred := range c.targets(w.table) {
		target := referred.table
		// An updated row may hold the value from before.
		if m.IsDirectory(target) || referred.compared && w.verb == updating {
			continue
		}
		for i, reference := range referred.columns {
			key := w.values[reference]
			if key == nil {
				continue
			}
			at := query.Column("a", referred.keys[i]) + "::text = " + query.Literal(*key)
			rows, err := c.rows.Matching(ctx, target, fmt.Sprintf("%s AND %s AND NOT %s", at,
				m.OwnedBy(target, w.victim), m.Public(target, "a")), 1)
			if err != nil {
				return "", err
			}
			if len(rows) == 0 {
				continue
			}
			if alone, err := c.holdsAlone(ctx, target, rows[0], value); err != nil || !alone {
				return "", err
			}
			if target.CanRead(referred.keys[i]) {
				var seen bool
				err := tx.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s)", target.SQL(),
					at)).Scan(&seen)
				if err != nil || seen {
					return "", err
				}
			}
			return target.String() + " " + rows[0].Key, nil
		}
	}
	return "", nil
}

// holdsAlone reports whether a row holds a value that no other owner's row of the table holds.
func (c *triggers) holdsAlone(
	ctx context.Context, t *catalog.Relation, row victims.Target, value string,
) (bool, error) {
	for _, column := range t.Columns {
		held := row.Values[column.Name]
		if held == nil || *held != value || !c.isContent(t, column) {
			continue
		}
		others, err := c.rows.Any(ctx, t, t.Key, fmt.Sprintf("%s::text = %s AND %s IS DISTINCT FROM %s",
			query.Column("a", column.Name), query.Literal(value), c.model.Owner(t, "a"),
			query.Literal(row.Victim.String())))
		if err != nil || others == nil {
			return err == nil, err
		}
	}
	return false, nil
}
