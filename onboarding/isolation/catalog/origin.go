package catalog

import "github.com/atlilith/onboardbot/onboarding/isolation/sqltree"

// Origin returns the relation whose column a view's column repeats, and that column's name. The
// relation is nil where an expression or a subquery makes it.
func (c *Catalog) Origin(view *Relation, column string) (base *Relation, name string) {
	statements, err := sqltree.Statements(view.Definition)
	if err != nil || len(statements) != 1 {
		return nil, ""
	}
	var from string // the alias
	for _, target := range statements[0].List("targetList") {
		fields := target.Node("val").Names("fields")
		if target.Node("val").Kind != "ColumnRef" || len(fields) == 0 {
			continue
		}
		last := fields[len(fields)-1]
		if as := target.Text("name"); as != column && (as != "" || last != column) {
			continue
		}
		if name = last; len(fields) > 1 {
			from = fields[len(fields)-2]
		}
		break
	}
	if name == "" {
		return nil, ""
	}
	for _, source := range statements[0].List("fromClause") {
		sqltree.Walk(source, func(n sqltree.Node) bool {
			if n.Kind == "RangeVar" && (from == "" || from == n.Node("alias").Text("aliasname") ||
				n.Node("alias").Absent() && from == n.Text("relname")) {
				base = c.Named(n.Text("schemaname") + "." + n.Text("relname"))
			}
			return base == nil && n.Kind != "RangeSubselect"
		})
	}
	return base, name
}
