package setup

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// Irreversible finds code whose effects a rollback does not undo, or which should not be provoked.
// Attempts leave it alone. NOTIFY does not count, since a rollback undoes it; neither do the
// numbers that a sequence gives out, since gaps in them do no harm.
type Irreversible struct {
	cat   *catalog.Catalog
	known map[*catalog.Function]string
}

func newIrreversible(cat *catalog.Catalog) *Irreversible {
	return &Irreversible{cat, map[*catalog.Function]string{}}
}

// outside are the beginnings of names of functions that reach out of the transaction.
var outside = []string{"dblink", "http_", "pg_sleep", "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf",
	"lo_export", "lo_import", "pg_read_file", "pg_read_binary_file", "pg_write_file", "pg_file_", "setval",
	"pg_logical_emit_message", "pg_switch_wal", "pg_advisory_lock", "pg_try_advisory_lock", "pg_rotate_logfile",
	"pg_promote", "pg_create_restore_point", "pg_replication_", "pg_create_logical_replication_slot",
	"pg_create_physical_replication_slot", "pg_drop_replication_slot", "pg_stat_reset"}

// outsideSchemas are schemas of extensions that do the same.
var outsideSchemas = []string{"net", "http", "cron", "aws_s3", "aws_lambda"}

// mentioned are words of sources that may do any of that.
var mentioned = append([]string{"copy", "net.", "http.", "cron.", "aws_"}, outside...)

// Function says what a function does that a rollback does not undo. It is empty for all others.
func (i *Irreversible) Function(f *catalog.Function) string {
	if known, ok := i.known[f]; ok {
		return known
	}
	i.known[f] = "" // of a function that calls itself
	i.known[f] = i.find(f)
	return i.known[f]
}

func (i *Irreversible) find(f *catalog.Function) string {
	if !f.HasSource() {
		return ""
	}
	if f.Mentions(mentioned...) {
		body, err := f.Body()
		if err != nil {
			return "code that could not be parsed"
		}
		if what := body.Find(reachesOut); what != "" {
			return what
		}
	}
	for _, other := range i.cat.Functions {
		if other == f || !catalog.Names(f.Text(), other.Name) {
			continue
		}
		if what := i.Function(other); what != "" {
			return what
		}
	}
	return ""
}

// triggers says what the triggers of a table do that a rollback does not undo.
func (i *Irreversible) triggers(t *catalog.Relation) string {
	for _, f := range i.cat.Functions {
		if slices.Contains(t.Triggers, f.OID) {
			if what := i.Function(f); what != "" {
				return what
			}
		}
	}
	return ""
}

func reachesOut(n sqltree.Node) (what string) {
	sqltree.Walk(n, func(n sqltree.Node) bool {
		switch n.Kind {
		case "CopyStmt":
			if n.Text("filename") != "" {
				what = "COPY to or from a file or a program"
			}
		case "FuncCall":
			name, schemas := strings.ToLower(n.Name("funcname")), n.Names("funcname")
			beyond := slices.ContainsFunc(outside, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
			if beyond || len(schemas) > 1 && slices.Contains(outsideSchemas, schemas[0]) {
				what = name
			}
		}
		return what == ""
	})
	return what
}
