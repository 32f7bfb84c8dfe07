package sqltree

import (
	"maps"
	"reflect"
	"slices"
)

// AlwaysTrue reports whether a condition holds whatever its columns are, as far as constants and
// comparisons of something with itself say.
func (n Node) AlwaysTrue() bool {
	switch n.Kind {
	case "A_Const":
		text, ok := n.Constant()
		return ok && text == "true"
	case "TypeCast":
		return n.Node("arg").AlwaysTrue()
	case "BoolExpr":
		arguments := n.List("args")
		switch n.Text("boolop") {
		case "OR_EXPR":
			return slices.ContainsFunc(arguments, Node.AlwaysTrue)
		case "AND_EXPR":
			return !slices.ContainsFunc(arguments, func(a Node) bool { return !a.AlwaysTrue() })
		case "NOT_EXPR":
			text, ok := arguments[0].Constant()
			return ok && text == "false"
		}
	case "A_Expr":
		left, right := n.Node("lexpr"), n.Node("rexpr")
		return n.Text("kind") == "AEXPR_OP" && n.Name("name") == "=" && isSame(left, right)
	}
	return false
}

// isSame reports whether two expressions without calls are the same.
func isSame(a, b Node) bool {
	if a.Kind != b.Kind || a.Kind != "A_Const" && a.Kind != "TypeCast" && a.Kind != "ColumnRef" {
		return false
	}
	return reflect.DeepEqual(withoutPlaces(a.Fields), withoutPlaces(b.Fields))
}

// withoutPlaces leaves out where in the text a node was.
func withoutPlaces(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := maps.Clone(value)
		delete(copied, "location")
		for key, inner := range copied {
			copied[key] = withoutPlaces(inner)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, inner := range value {
			copied[i] = withoutPlaces(inner)
		}
		return copied
	}
	return value
}
