package setup

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// Irreversible finds code whose effects a rollback does not undo, or which should not be provoked,
// and all that runs it: functions that call it, statements on relations whose triggers, policies
// and the like call it, and statements that PostgreSQL carries on to such relations. Attempts
// leave it alone. NOTIFY does not count, since a rollback undoes it; neither do the numbers that a
// sequence gives out, since gaps in them do no harm. Of dynamic SQL, only constant statements
// count.
type Irreversible struct {
	functions  map[*catalog.Function]*reach
	statements map[statement]*reach
}

// statement is one on a relation or, without a relation, one that event triggers see.
type statement struct {
	relation *catalog.Relation
	event    catalog.Event
}

// String names the statement as a step to what is irreversible.
func (s statement) String() string {
	if s.relation == nil {
		return "a statement that defines an object"
	}
	return map[catalog.Event]string{
		catalog.OnSelect: "SELECT on ", catalog.OnInsert: "INSERT on ", catalog.OnUpdate: "UPDATE on ",
		catalog.OnDelete: "DELETE on ", catalog.OnTruncate: "TRUNCATE on ",
	}[s.event] + s.relation.String()
}

func newIrreversible(cat *catalog.Catalog) *Irreversible {
	i := &Irreversible{map[*catalog.Function]*reach{}, map[statement]*reach{}}
	newReaching(cat, i).find()
	return i
}

// Function says what a function does that a rollback does not undo. It is empty for all others.
func (i *Irreversible) Function(f *catalog.Function) string { return i.functions[f].String() }

// Definitions says what event triggers do that a rollback does not undo, when a session creates or
// changes a table or a function.
func (i *Irreversible) Definitions() string {
	return i.statements[statement{nil, catalog.OnDefineTable}].String()
}

// writes are the operations on a relation that write, in the order in which they are reported.
var writes = []results.Operation{results.Insert, results.Update, results.Delete, results.Truncate}

var events = map[results.Operation]catalog.Event{
	results.Insert: catalog.OnInsert, results.Update: catalog.OnUpdate, results.Delete: catalog.OnDelete,
	results.Truncate: catalog.OnTruncate,
}

// harmlessToRead are the beginnings of names of functions that change nothing: a view of what
// dblink answers is read, and so is a table whose policy waits or ends the session.
var harmlessToRead = []string{"dblink", "pg_sleep", "pg_read_", "pg_advisory_lock", "pg_try_advisory_lock",
	"pg_terminate_backend", "pg_cancel_backend"}

// reading says why a relation is not read: what reading it runs that a rollback does not undo. It
// is empty where that is harmless, which dblink_exec is not.
func (i *Irreversible) reading(t *catalog.Relation) string {
	found := i.statements[statement{t, catalog.OnSelect}]
	if found == nil || found.what == unreadable {
		return ""
	}
	if hasPrefix(found.what, harmlessToRead) && found.what != "dblink_exec" {
		return ""
	}
	return found.String()
}

// May reports whether the app role, or a role that it can become, may do an operation that writes.
func May(t *catalog.Relation, o results.Operation) bool {
	switch o {
	case results.Insert:
		return t.Elsewhere || t.Insertable()
	case results.Update:
		return t.Elsewhere || t.Updatable()
	case results.Delete:
		return t.Elsewhere || t.Deletable()
	}
	return t.Elsewhere || t.Usage && t.Truncate
}

// operation says what an operation on a relation runs that a rollback does not undo.
func (i *Irreversible) operation(t *catalog.Relation, o results.Operation) string {
	return i.statements[statement{t, events[o]}].String()
}

// outside are the beginnings of names of functions that reach out of the transaction.
var outside = []string{"dblink", "http_", "pg_sleep", "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf",
	"lo_export", "lo_import", "pg_read_file", "pg_read_binary_file", "pg_write_file", "pg_file_", "setval",
	"pg_logical_emit_message", "pg_switch_wal", "pg_advisory_lock", "pg_try_advisory_lock", "pg_rotate_logfile",
	"pg_promote", "pg_create_restore_point", "pg_replication_", "pg_create_logical_replication_slot",
	"pg_create_physical_replication_slot", "pg_drop_replication_slot", "pg_stat_reset"}

// outsideSchemas are schemas of extensions that do the same.
var outsideSchemas = []string{"net", "http", "cron", "aws_s3", "aws_lambda"}

// mentioned are words, one of which every expression contains that does any of that. The source of
// a function may also contain COPY.
var (
	mentioned         = append([]string{"net.", "http.", "cron.", "aws_"}, outside...)
	mentionedInSource = append([]string{"copy"}, mentioned...)
)

func reachesOut(n sqltree.Node) (what string) {
	sqltree.Walk(n, func(n sqltree.Node) bool {
		switch n.Kind {
		case "CopyStmt":
			if n.Text("filename") != "" {
				what = "COPY to or from a file or a program"
			}
		case "FuncCall":
			name, schemas := strings.ToLower(n.Name("funcname")), n.Names("funcname")
			if hasPrefix(name, outside) || len(schemas) > 1 && slices.Contains(outsideSchemas, schemas[0]) {
				what = name
			}
		}
		return what == ""
	})
	return what
}

func hasPrefix(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
