package sideeffects

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// broadcasts looks for triggers that send what tenants write by NOTIFY: every session may LISTEN to
// every channel. A rollback takes notifications back, so nobody hears them. The server says that one
// was sent (trace_notify), and refuses one that is too long: where a long text in a row makes it
// refuse, the notification holds the text.
type broadcasts struct {
	setup   *setup.Setup // for the truth, which knows triggers' names
	model   *tenancy.Model
	scope   *setup.Scope
	victims *victims.Victims
	rows    *victims.Rows
	// own are the transactions of victims, who write rows of their own.
	own     *session.Attempts
	fixes   *fixes.Writer
	results *results.Collector
}

// NewBroadcasts returns the check of what triggers send.
func NewBroadcasts(s *setup.Setup) setup.Check {
	return &broadcasts{s, s.Model, s.Scope, s.Victims, s.Rows, s.Attempts, s.Fixes, s.Results}
}

const (
	// traceNotify makes the server say which channels a transaction notifies.
	traceNotify = "SET LOCAL trace_notify = on; SET LOCAL client_min_messages = debug1"
	// sends is the function of the server that sends a notification, by which its messages and errors
	// are known (PostgreSQL's async.c). It takes no more than 8000 bytes.
	sends   = "Async_Notify"
	tooLong = 8000
	// text stands in statements for one of any length.
	text = "onboardbot text"
	// broadcastVictims is how many victims write into each table.
	broadcastVictims = 3
)

func (c *broadcasts) Run(ctx context.Context) error {
	for _, t := range c.scope.OwnedTables() {
		writable := t.Insertable() || t.Updatable()
		if len(t.Triggers)+t.Rules == 0 || !writable || c.scope.WritesExcluded(t) || c.model.Of(t).AreTenants() {
			continue
		}
		list := c.victims.List()
		for _, v := range list[:min(broadcastVictims, len(list))] {
			found, err := c.write(ctx, t, v)
			if err != nil {
				return err
			}
			if found {
				break
			}
		}
	}
	return nil
}

// write has a victim write long texts into a row of theirs, and reports whether a notification held one.
func (c *broadcasts) write(ctx context.Context, t *catalog.Relation, v tenancy.Tenant) (found bool, err error) {
	rows, err := c.rows.Matching(ctx, t, c.model.OwnedBy(t, v), 1)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	as, err := c.victims.Own(ctx, v)
	if err != nil {
		return false, err
	}
	for _, column := range t.Columns {
		if c.model.IsSecret(t, column.Name) || slices.Contains(t.Key, column.Name) || t.InForeignKey(column.Name) {
			continue
		}
		for _, sql := range c.statements(t, column, rows[0]) {
			c.results.CountWrite()
			sent, err := c.sent(ctx, as, writing{t, rows[0], sql})
			if err != nil {
				return false, err
			}
			if !sent {
				continue
			}
			if found, err := c.holds(ctx, as, writing{t, rows[0], sql}); found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}

// writing is a statement with a text, by which a victim writes to a row of theirs or one like it.
type writing struct {
	table *catalog.Relation
	row   victims.Target
	sql   string
}

// statements change the victim's row, or insert one like it, with a text in a column.
func (c *broadcasts) statements(t *catalog.Relation, column *catalog.Column, row victims.Target) []string {
	var value string
	switch {
	case column.Type == "json" || column.Type == "jsonb":
		value = `"` + text + `"`
	case column.Category == catalog.String:
		value = text
	default:
		return nil
	}
	var list []string
	if column.Update && !column.Generated {
		list = append(list, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), column.Assign(&value), row.Place))
	}
	values := maps.Clone(row.Values)
	values[column.Name] = &value
	if insert := c.rows.Insert(t, values, victims.NewKeys); t.Insertable() && column.Insert && insert.SQL != "" {
		list = append(list, insert.SQL)
	}
	return list
}

// ofLength is a statement with a text of a length, in characters.
func ofLength(sql string, n int) string {
	long := fmt.Sprintf("repeat('x', %d)", n)
	return strings.NewReplacer(query.Literal(text), long, query.Literal(`"`+text+`"`), "to_json("+long+")::text").
		Replace(sql)
}

// sent reports whether a statement with a short text is allowed and sends a notification on a channel
// that others may know: one that a secret of the row names they do not.
func (c *broadcasts) sent(ctx context.Context, as session.Session, w writing) (bool, error) {
	heard := ""
	err := c.own.Write(ctx, as, func(tx *session.Tx) error {
		if err := tx.Exec(ctx, traceNotify); err != nil {
			return err
		}
		tx.Notices()
		n, err := tx.Affected(ctx, ofLength(w.sql, 1))
		if err == nil && n > 0 {
			heard = tx.Notices()
		}
		return err
	})
	if err := query.Lost(err); err != nil {
		return false, err
	}
	if !strings.Contains(heard, sends+"(") {
		return false, nil
	}
	for name, value := range w.row.Values {
		if value != nil && *value != "" && c.model.IsSecret(w.table, name) && strings.Contains(heard, *value) {
			return false, nil
		}
	}
	return true, nil
}

// holds reports a leak if the server refuses the notification of a statement with a long text.
func (c *broadcasts) holds(ctx context.Context, as session.Session, w writing) (bool, error) {
	found := false
	names, err := c.triggers(ctx, w.table)
	if err != nil {
		return false, err
	}
	err = c.own.Write(ctx, as, func(tx *session.Tx) error {
		err := tx.Exec(ctx, fmt.Sprintf("DO $do$ BEGIN %s; END $do$", ofLength(w.sql, tooLong)))
		if query.Routine(err) == sends {
			found = true
			c.results.Add(results.Finding{
				Kind: results.Leak, Operation: results.Listen, Table: w.table.String(), As: results.AnySession,
				Evidence: fmt.Sprintf("may LISTEN to the rows that tenants write: a trigger sends them by NOTIFY, for "+
					"which a row of %s was too long", w.row.Victim),
				Fix: c.fixes.DropTriggers(w.table, names),
			})
		}
		return err
	})
	if err := query.Lost(err); err != nil {
		return false, err
	}
	return found, nil
}

// triggers are the names of the table's own triggers whose functions may notify or, if none says so, of
// all.
func (c *broadcasts) triggers(ctx context.Context, t *catalog.Relation) ([]string, error) {
	var likely []string
	for _, f := range c.model.Catalog.Functions {
		if slices.Contains(t.Triggers, f.OID) && f.Mentions("notify") {
			likely = append(likely, fmt.Sprint(f.OID))
		}
	}
	condition := "true"
	if len(likely) > 0 {
		condition = "tgfoid IN (" + strings.Join(likely, ", ") + ")"
	}
	return query.Strings(ctx, c.setup.Truth, fmt.Sprintf("SELECT tgname::text FROM pg_trigger WHERE tgrelid = %d "+
		"AND NOT tgisinternal AND %s ORDER BY 1", t.OID, condition))
}
