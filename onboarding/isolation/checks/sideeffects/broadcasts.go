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

// broadcasts looks for triggers and functions that send what tenants write by NOTIFY: every
// session may LISTEN to every channel. Every attempt is rolled back, so no notification is
// delivered. The server says that one was sent (trace_notify), and refuses one that is too long:
// where a long text in a row makes it refuse, the notification contains the text.
type broadcasts struct {
	model    *tenancy.Model
	scope    *setup.Scope
	truth    query.Querier
	victims  *victims.Victims
	rows     *victims.Rows
	attempts *session.Attempts
	fixes    *fixes.Writer
	results  *results.Collector
	setup    *setup.Setup // for what functions are called with
}

// NewBroadcasts returns the check of what triggers and functions send.
func NewBroadcasts(s *setup.Setup) setup.Check {
	return &broadcasts{s.Model, s.Scope, s.Truth, s.Victims, s.Rows, s.Attempts, s.Fixes, s.Results, s}
}

const (
	// traceNotify makes the server say which channels a transaction notifies.
	traceNotify = "SET LOCAL trace_notify = on; SET LOCAL client_min_messages = debug1"
	// notifyRoutine is the function of the server that sends a notification (PostgreSQL's
	// async.c). Its messages and errors name it. It refuses tooLong bytes and more.
	notifyRoutine = "Async_Notify"
	tooLong       = 8000
	// placeholder stands in statements for a text of any length.
	placeholder = "onboardbot text"
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
	return c.calls(ctx)
}

// write has a victim write long texts into a row of theirs, and reports whether a notification
// contained one.
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
			w := writing{t, rows[0], sql}
			c.results.CountWrite()
			sent, err := c.sent(ctx, as, w)
			if err != nil {
				return false, err
			}
			if !sent {
				continue
			}
			if found, err := c.holds(ctx, as, w); found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}

// writing is a statement by which a victim changes a row of theirs, or inserts one like it. Its
// text is the placeholder.
type writing struct {
	table *catalog.Relation
	row   victims.Target
	sql   string
}

// statements change the victim's row, or insert one like it, with the placeholder in a column.
func (c *broadcasts) statements(t *catalog.Relation, column *catalog.Column, row victims.Target) []string {
	var value string
	switch {
	case column.Type == "json" || column.Type == "jsonb":
		value = `"` + placeholder + `"`
	case column.Category == catalog.String:
		value = placeholder
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

// ofLength replaces the placeholder in a statement by a text of n characters.
func ofLength(sql string, n int) string {
	long := fmt.Sprintf("repeat('x', %d)", n)
	document := query.Literal(`"` + placeholder + `"`)
	return strings.NewReplacer(query.Literal(placeholder), long, document, "to_json("+long+")::text").Replace(sql)
}

// sent reports whether a statement with a short text is allowed and sends a notification on a
// channel that others may know. They do not know one whose name contains a secret of the row.
func (c *broadcasts) sent(ctx context.Context, as session.Session, w writing) (bool, error) {
	notices, err := c.traced(ctx, as, ofLength(w.sql, 1))
	if err != nil {
		return false, err
	}
	if !strings.Contains(notices, notifyRoutine+"(") {
		return false, nil
	}
	for name, value := range w.row.Values {
		if value != nil && *value != "" && c.model.IsSecret(w.table, name) && strings.Contains(notices, *value) {
			return false, nil
		}
	}
	return true, nil
}

// traced returns what the server says of the notifications of a statement that is allowed and
// writes or returns something.
func (c *broadcasts) traced(ctx context.Context, as session.Session, sql string) (notices string, err error) {
	err = c.attempts.Write(ctx, as, func(tx *session.Tx) error {
		if err := tx.Exec(ctx, traceNotify); err != nil {
			return err
		}
		tx.Notices()
		n, err := tx.Affected(ctx, sql)
		if err == nil && n > 0 {
			notices = tx.Notices()
		}
		return err
	})
	return notices, query.Lost(err)
}

// holds reports a leak if the server refuses the notification of a statement with a long text.
func (c *broadcasts) holds(ctx context.Context, as session.Session, w writing) (bool, error) {
	found := false
	names, err := c.triggers(ctx, w.table)
	if err != nil {
		return false, err
	}
	err = c.attempts.Write(ctx, as, func(tx *session.Tx) error {
		err := tx.Exec(ctx, fmt.Sprintf("DO $do$ BEGIN %s; END $do$", ofLength(w.sql, tooLong)))
		if query.Routine(err) == notifyRoutine {
			found = true
			c.results.Add(results.Finding{
				Kind: results.Leak, Operation: results.Listen, Table: w.table.String(), As: results.AnySession,
				Evidence: fmt.Sprintf("may LISTEN to what tenants write: a trigger sends it by NOTIFY, which refused "+
					"a long text in a row of %s as too long", w.row.Victim),
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

// triggers are the names of the table's triggers whose functions contain NOTIFY or, if none does,
// of all its triggers.
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
	return query.Strings(ctx, c.truth, fmt.Sprintf("SELECT tgname::text FROM pg_trigger WHERE tgrelid = %d "+
		"AND NOT tgisinternal AND %s ORDER BY 1", t.OID, condition))
}
