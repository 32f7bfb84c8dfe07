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
// is empty where that is harmless, which a dblink that executes is not.
func (i *Irreversible) reading(t *catalog.Relation) string {
	found := i.statements[statement{t, catalog.OnSelect}]
	if found == nil || harmless(found.what) {
		return ""
	}
	return found.String()
}

// May reports whether the app role, or a role that it can become, may do an operation that writes.
func May(t *catalog.Relation, o results.Operation) bool {
	switch o {
	case results.Insert:
		return t.MayElsewhere(catalog.ForInsert) || t.Insertable()
	case results.Update:
		return t.MayElsewhere(catalog.ForUpdate) || t.Updatable()
	case results.Delete:
		return t.MayElsewhere(catalog.ForDelete) || t.Deletable()
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

// reachesOut says what a node does that a rollback does not undo: of several things, one that even
// a read must not do.
func reachesOut(n sqltree.Node) (what string) {
	note := func(found string) {
		if what == "" || harmless(what) {
			what = found
		}
	}
	sqltree.Walk(n, func(n sqltree.Node) bool {
		switch n.Kind {
		case "CopyStmt":
			if n.Text("filename") != "" {
				note("COPY to or from a file or a program")
			}
		case "FuncCall":
			name, schemas := strings.ToLower(n.Name("funcname")), n.Names("funcname")
			switch {
			case name == "dblink" && !onlyReads(n.List("args")):
				note(dblinkExecutes)
			case hasPrefix(name, outside) || len(schemas) > 1 && slices.Contains(outsideSchemas, schemas[0]):
				note(name)
			}
		}
		return true
	})
	return what
}

// worst is what a routine does that a rollback does not undo: of several things, one that even a
// read must not do.
func worst(body *sqltree.Routine) (what string) {
	body.Find(func(n sqltree.Node) string {
		if found := reachesOut(n); found != "" && (what == "" || harmless(what)) {
			what = found
		}
		if harmless(what) {
			return ""
		}
		return what
	})
	return what
}

// dblinkExecutes is what a dblink does whose statement is no plain query.
const dblinkExecutes = "dblink of a statement that may write"

// harmless reports whether a read may do it.
func harmless(what string) bool {
	executes := what == dblinkExecutes || what == "dblink_exec" || what == "dblink_send_query"
	return what == unreadable || hasPrefix(what, harmlessToRead) && !executes
}

// plain are functions that a query through dblink may call.
var plain = []string{"count", "sum", "min", "max", "avg", "lower", "upper", "coalesce", "now", "string_agg", "to_char",
	"to_jsonb", "row_to_json", "json_agg", "jsonb_agg", "array_agg", "date_trunc", "round"}

// onlyReads reports whether one of the arguments of dblink is a query that writes nothing and
// calls nothing that may, and no other is a statement.
func onlyReads(arguments []sqltree.Node) bool {
	queries := 0
	for _, a := range arguments {
		statements, err := sqltree.Statements(spelling(a))
		for _, s := range statements {
			if err != nil || s.Kind != "SelectStmt" || mayWrite(s) {
				return false
			}
			queries++
		}
	}
	return queries == 1
}

// mayWrite reports whether a query may write.
func mayWrite(query sqltree.Node) (found bool) {
	sqltree.Walk(query, func(n sqltree.Node) bool {
		switch n.Kind {
		case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "IntoClause":
			found = true
		case "FuncCall":
			found = found || !slices.Contains(plain, strings.ToLower(n.Name("funcname")))
		}
		return !found
	})
	return found
}

// spelling is the text of an expression, with a number for each part that is not constant.
func spelling(n sqltree.Node) string {
	text, constant := n.Constant()
	switch {
	case constant:
		return text
	case n.Kind == "A_Expr" && n.Name("name") == "||":
		return spelling(n.Node("lexpr")) + spelling(n.Node("rexpr"))
	case n.Kind == "TypeCast":
		return spelling(n.Node("arg"))
	}
	return "1"
}

func hasPrefix(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
