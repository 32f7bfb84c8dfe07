package setup

import (
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// touch is what a source does to a relation, or that it defines an object.
type touch struct {
	schema, name string // without a schema, any relation of the name
	on           catalog.Event
	// base says that the relation is the only one that a view reads from, so writes go through to
	// it.
	base bool
}

func (t touch) names(r *catalog.Relation) bool {
	return t.name == r.Name && (t.schema == "" || t.schema == r.Schema)
}

// matches reports whether a touch is, or may be, a statement.
func (t touch) matches(s statement) bool {
	return t.on&s.event != 0 && (s.relation == nil || t.names(s.relation))
}

// written are the kinds of statements that write, the field with the relations that they write to,
// and what they do there.
var written = map[string]struct {
	field string
	on    catalog.Event
}{
	"InsertStmt":   {"relation", catalog.OnInsert},
	"UpdateStmt":   {"relation", catalog.OnUpdate},
	"DeleteStmt":   {"relation", catalog.OnDelete},
	"MergeStmt":    {"relation", catalog.OnInsert | catalog.OnUpdate | catalog.OnDelete},
	"CopyStmt":     {"relation", catalog.OnInsert},
	"TruncateStmt": {"relations", catalog.OnTruncate},
}

// defining are the beginnings of the kinds of statements that event triggers see.
var defining = []string{"Create", "Alter", "Drop", "Define", "Rename", "Grant", "Comment", "Index", "View", "Rule",
	"Refresh", "Reindex", "SecLabel", "CompositeType"}

// touchesOf lists what the statements of a routine, or of a rule, do to relations.
func touchesOf(body *sqltree.Routine) []touch {
	var list []touch
	add := func(n sqltree.Node, on catalog.Event, base bool) {
		list = append(list, touch{n.Text("schemaname"), n.Text("relname"), on, base})
	}
	body.Find(func(statement sqltree.Node) string {
		sqltree.Walk(statement, func(n sqltree.Node) bool {
			if w, ok := written[n.Kind]; ok {
				on := w.on
				if !n.Node("onConflictClause").Absent() {
					on |= catalog.OnUpdate
				}
				for _, relation := range append(n.List(w.field), n.Node(w.field)) {
					add(relation, on, false)
				}
			}
			if n.Kind == "RangeVar" {
				add(n, catalog.OnSelect, false)
			}
			if n.Kind == "RuleStmt" && n.Text("event") == "CMD_SELECT" {
				for _, action := range n.List("actions") {
					if from := action.List("fromClause"); len(from) == 1 && from[0].Kind == "RangeVar" {
						add(from[0], catalog.OnSelect, true)
					}
				}
			}
			if n.Kind != "RuleStmt" && strings.HasSuffix(n.Kind, "Stmt") && hasPrefix(n.Kind, defining) {
				list = append(list, touch{on: catalog.OnDefine})
			}
			return true
		})
		return ""
	})
	return list
}
