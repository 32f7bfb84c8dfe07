package sqltree

import (
	"maps"
	"slices"
	"strings"
)

// Use is a column that a parameter is compared with or written into.
type Use struct {
	Relation, Column string
	Set              bool // by UPDATE
}

// Passing is an argument, from 0, of a function to which a parameter is passed.
type Passing struct {
	Function string // without its schema
	Argument int
}

// Uses returns the columns that a parameter is compared with by "=" or written into, by its name,
// in lower case, or by its number, from 1, and to which functions it is passed. Names of relations
// are without their schema. A column that names no relation is one of any that its statement
// reads.
func (r *Routine) Uses(parameter string, number int) ([]Use, []Passing) {
	u := r.usesOf(parameter, number)
	for _, statement := range r.Statements {
		u.in(statement, nil)
	}
	return u.found, u.passed
}

// usesOf knows the parameter by the names of variables that are made of it, too.
func (r *Routine) usesOf(parameter string, number int) *uses {
	u := &uses{names: []string{parameter}, number: number}
	for range len(r.Assigned) {
		before := len(u.names)
		for _, variable := range slices.Sorted(maps.Keys(r.Assigned)) {
			if !slices.Contains(u.names, variable) && slices.ContainsFunc(r.Assigned[variable], u.isMade) {
				u.names = append(u.names, variable)
			}
		}
		if len(u.names) == before {
			break
		}
	}
	return u
}

// Literals returns the constants that a parameter is compared with, as the routine spells them.
func (r *Routine) Literals(parameter string, number int) []string {
	u := r.usesOf(parameter, number)
	var found []string
	for _, statement := range r.Statements {
		Walk(statement, func(n Node) bool {
			var beside []Node
			switch {
			case n.Kind == "A_Expr" && (n.Name("name") == "=" || n.Name("name") == "<>"):
				if left, right := n.Node("lexpr"), n.Node("rexpr"); u.mentionedIn(left) {
					beside = []Node{right}
				} else if u.mentionedIn(right) {
					beside = []Node{left}
				}
			case n.Kind == "CaseExpr" && u.mentionedIn(n.Node("arg")):
				for _, when := range n.List("args") {
					beside = append(beside, when.Node("expr"))
				}
			}
			for _, other := range beside {
				Walk(other, func(n Node) bool {
					if text, ok := n.Constant(); ok && !slices.Contains(found, text) {
						found = append(found, text)
					}
					return true
				})
			}
			return true
		})
	}
	return found
}

type uses struct {
	names  []string // of the parameter and of variables that are made of it, in lower case
	number int
	found  []Use
	passed []Passing
}

// isMade reports whether an expression is made of the parameter, and of nothing that relations
// hold.
func (u *uses) isMade(n Node) bool {
	reads := false
	Walk(n, func(n Node) bool {
		reads = reads || n.Kind == "RangeVar"
		return !reads
	})
	return !reads && u.mentionedIn(n)
}

// source is a relation by the name that a statement gives it.
type source struct{ alias, relation string }

// in finds the uses in a node of a statement that reads some relations.
func (u *uses) in(n Node, sources []source) {
	switch n.Kind {
	case "SelectStmt":
		sources = append(sourcesOf(n.List("fromClause")), sources...)
	case "UpdateStmt":
		target := Node{"RangeVar", n.Node("relation").Fields}
		sources = append(sourcesOf(append([]Node{target}, n.List("fromClause")...)), sources...)
		for _, set := range n.List("targetList") {
			u.written(Use{target.Text("relname"), set.Text("name"), true}, set.Node("val"))
		}
	case "DeleteStmt":
		target := Node{"RangeVar", n.Node("relation").Fields}
		sources = append(sourcesOf(append([]Node{target}, n.List("usingClause")...)), sources...)
	case "InsertStmt":
		u.inserted(n)
	case "A_Expr":
		u.compared(n.Node("lexpr"), n, n.Node("rexpr"), sources)
	case "FuncCall":
		name := n.Names("funcname")
		for i, argument := range n.List("args") {
			if len(name) > 0 && u.mentionedIn(argument) {
				u.passed = append(u.passed, Passing{name[len(name)-1], i})
			}
		}
	case "SubLink":
		if inner := n.Node("subselect"); u.mentionedIn(inner) {
			u.column(n.Node("testexpr"), sources)
		}
	}
	for _, field := range n.Fields {
		switch field := field.(type) {
		case map[string]any:
			u.in(toNode(field), sources)
		case []any:
			for _, value := range field {
				u.in(toNode(value), sources)
			}
		}
	}
}

func (u *uses) compared(left, n, right Node, sources []source) {
	if n.Name("name") != "=" {
		return
	}
	if u.mentionedIn(left) {
		u.column(right, sources)
	}
	if u.mentionedIn(right) {
		u.column(left, sources)
	}
}

// inserted notes the columns of an INSERT whose values mention the parameter.
func (u *uses) inserted(n Node) {
	query, columns := n.Node("selectStmt"), n.List("cols")
	rows := [][]Node{query.List("targetList")}
	for _, row := range query.List("valuesLists") {
		rows = append(rows, row.List("items"))
	}
	for _, row := range rows {
		for i, value := range row {
			if i >= len(columns) {
				break
			}
			if value.Kind == "ResTarget" {
				value = value.Node("val")
			}
			u.written(Use{n.Node("relation").Text("relname"), columns[i].Text("name"), false}, value)
		}
	}
}

func (u *uses) written(use Use, value Node) {
	if u.mentionedIn(value) {
		u.add(use)
	}
}

// column notes a column, which casts and functions may be around.
func (u *uses) column(n Node, sources []source) {
	for n.Kind == "TypeCast" {
		n = n.Node("arg")
	}
	if arguments := n.List("args"); n.Kind == "FuncCall" && len(arguments) == 1 {
		n = arguments[0]
	}
	fields := n.Names("fields")
	if n.Kind != "ColumnRef" || len(fields) == 0 || u.is(n) {
		return
	}
	column := fields[len(fields)-1]
	for _, s := range sources {
		if len(fields) == 1 || s.alias == fields[len(fields)-2] {
			u.add(Use{s.relation, column, false})
		}
	}
}

func (u *uses) add(use Use) {
	if use.Relation != "" && use.Column != "" {
		u.found = append(u.found, use)
	}
}

// mentionedIn reports whether an expression mentions the parameter.
func (u *uses) mentionedIn(n Node) (found bool) {
	Walk(n, func(n Node) bool {
		found = found || u.is(n)
		return !found
	})
	return found
}

func (u *uses) is(n Node) bool {
	switch n.Kind {
	case "ParamRef":
		return n.Number("number") == u.number
	case "ColumnRef":
		fields := n.Names("fields")
		for i := range fields[max(0, len(fields)-2):] { // with and without the variable whose field it is
			name := strings.ToLower(strings.Join(fields[max(0, len(fields)-2)+i:], "."))
			if name != "" && slices.Contains(u.names, name) {
				return true
			}
		}
	}
	return false
}

// sourcesOf are the relations of a FROM clause.
func sourcesOf(nodes []Node) []source {
	var found []source
	for _, n := range nodes {
		switch n.Kind {
		case "RangeVar":
			s := source{n.Node("alias").Text("aliasname"), n.Text("relname")}
			if s.alias == "" {
				s.alias = s.relation
			}
			found = append(found, s)
		case "JoinExpr":
			found = append(found, sourcesOf([]Node{n.Node("larg"), n.Node("rarg")})...)
		}
	}
	return found
}
