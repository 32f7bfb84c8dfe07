package sqltree

import (
	"slices"
	"strings"
)

// counting are functions of PostgreSQL's that count what they are given.
var counting = []string{"jsonb_array_length", "json_array_length", "cardinality", "array_length", "length",
	"char_length"}

// AnswersRows reports whether what the routine returns may come from rows of a relation, and not
// from its arguments and from how many rows it wrote alone. A function that it calls may read
// rows.
func (r *Routine) AnswersRows() bool {
	seen := map[string]bool{}
	var reads func(n Node) bool
	reads = func(n Node) (found bool) {
		Walk(n, func(n Node) bool {
			switch n.Kind {
			case "RangeVar":
				found = true
			case "InsertStmt":
				// It returns the rows that it writes, unless it takes these from elsewhere.
				relations := 0
				Walk(n, func(n Node) bool {
					if n.Kind == "RangeVar" {
						relations++
					}
					return true
				})
				found = relations > 1
				return false
			case "FuncCall":
				found = !slices.Contains(counting, n.Name("funcname"))
			case "ColumnRef":
				for _, name := range n.Names("fields") {
					if name = strings.ToLower(name); seen[name] {
						continue
					}
					seen[name] = true
					for _, assigned := range r.Assigned[name] {
						found = found || reads(assigned)
					}
				}
			}
			return !found
		})
		return found
	}
	for _, n := range r.Returns {
		if reads(n) {
			return true
		}
	}
	return len(r.Dynamic) > 0
}
