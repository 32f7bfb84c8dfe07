package sqltree

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxSource bounds the length of what is parsed.
const maxSource = 1 << 20

// errTooLong means that a source is longer than any that people write.
var errTooLong = errors.New("longer than 1 MiB")

// Statements parses statements that semicolons separate.
func Statements(sql string) ([]Node, error) {
	if len(sql) > maxSource {
		return nil, errTooLong
	}
	text, err := parseSQL.call(sql)
	if err != nil {
		return nil, fmt.Errorf("parse SQL: %w", err)
	}
	var tree struct {
		Stmts []struct{ Stmt map[string]any }
	}
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return nil, fmt.Errorf("parse SQL: %w", err)
	}
	nodes := make([]Node, len(tree.Stmts))
	for i, s := range tree.Stmts {
		nodes[i] = toNode(s.Stmt)
	}
	return nodes, nil
}

// Expression parses an expression, such as the condition of a policy.
func Expression(sql string) (Node, error) {
	statements, err := Statements("SELECT " + sql)
	if err != nil || len(statements) == 0 {
		return Node{}, err
	}
	for _, target := range statements[0].List("targetList") {
		return target.Node("val"), nil
	}
	return Node{}, nil
}

// plpgsql parses the definition of a PL/pgSQL routine to the parser's own JSON.
func plpgsql(definition string) (any, error) {
	if len(definition) > maxSource {
		return nil, errTooLong
	}
	text, err := parsePLpgSQL.call(definition)
	if err != nil {
		return nil, fmt.Errorf("parse PL/pgSQL: %w", err)
	}
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return nil, fmt.Errorf("parse PL/pgSQL: %w", err)
	}
	return tree, nil
}

// Node is a node of a parse tree, by the name of its type in PostgreSQL's sources. The zero Node
// is absent.
type Node struct {
	Kind   string
	Fields map[string]any
}

// toNode reads {"FuncCall": {…}}, or an object whose place alone says what it is.
func toNode(value any) Node {
	object, ok := value.(map[string]any)
	if !ok {
		return Node{}
	}
	if len(object) == 1 {
		for kind, fields := range object {
			if inner, ok := fields.(map[string]any); ok && kind[0] >= 'A' && kind[0] <= 'Z' {
				return Node{kind, inner}
			}
		}
	}
	switch {
	case object["relname"] != nil:
		return Node{"RangeVar", object}
	case object["targetList"] != nil || object["valuesLists"] != nil || object["larg"] != nil:
		return Node{"SelectStmt", object}
	case object["funcname"] != nil:
		return Node{"FuncCall", object}
	}
	return Node{"", object}
}

// Node returns a field that is a node.
func (n Node) Node(field string) Node { return toNode(n.Fields[field]) }

// List returns a field that is a list of nodes, or the items of one that is a List.
func (n Node) List(field string) []Node {
	values, ok := n.Fields[field].([]any)
	if !ok {
		if list := n.Node(field); list.Kind == "List" && field != "items" {
			return list.List("items")
		}
		return nil
	}
	nodes := make([]Node, len(values))
	for i, v := range values {
		nodes[i] = toNode(v)
	}
	return nodes
}

// Text returns a field that is a text.
func (n Node) Text(field string) string {
	text, _ := n.Fields[field].(string)
	return text
}

// Number returns a field that is a number.
func (n Node) Number(field string) int {
	number, _ := n.Fields[field].(float64)
	return int(number)
}

// Absent reports whether there is no node.
func (n Node) Absent() bool { return n.Fields == nil }

// Names returns the parts of a field that is a list of names, such as a function's.
func (n Node) Names(field string) []string {
	var names []string
	for _, part := range n.List(field) {
		if part.Kind == "String" {
			names = append(names, part.Text("sval"))
		}
	}
	return names
}

// Name returns the last part of a field that is a list of names.
func (n Node) Name(field string) string {
	names := n.Names(field)
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}

// Constant returns the text of a constant, and whether the node is one that is not NULL.
func (n Node) Constant() (string, bool) {
	if n.Kind != "A_Const" {
		return "", false
	}
	for _, field := range []string{"sval", "fval", "bsval"} {
		if value := n.Node(field); !value.Absent() {
			return value.Text(field), true
		}
	}
	if value := n.Node("ival"); !value.Absent() {
		return fmt.Sprint(value.Number("ival")), true
	}
	if value := n.Node("boolval"); !value.Absent() {
		yes, _ := value.Fields["boolval"].(bool)
		return fmt.Sprint(yes), true
	}
	return "", false
}

// Walk calls visit for a node and all below it. visit reports whether to go below.
func Walk(n Node, visit func(Node) bool) {
	if n.Absent() || !visit(n) {
		return
	}
	for _, field := range n.Fields {
		switch field := field.(type) {
		case map[string]any:
			Walk(toNode(field), visit)
		case []any:
			for _, value := range field {
				Walk(toNode(value), visit)
			}
		}
	}
}

// Routine is the body of a function or procedure.
type Routine struct {
	// Statements are all statements and expressions of the body.
	Statements []Node
	// Returns are the expressions that it may return.
	Returns []Node
	// Conditions are the expressions by which it branches.
	Conditions []Node
	// Assigned are the expressions that may be assigned to a variable, by its name in lower case,
	// or to a field of one ("variable.field").
	Assigned map[string][]Node
	// Dynamic are the expressions whose text is run as a statement.
	Dynamic []Node
}

// placeholders are those of format(), which make no valid statement.
var placeholders = strings.NewReplacer("%I", "x", "%L", "'x'", "%s", "x", "%%", "%")

// Find returns the first text that find returns for a statement of the routine, or for one that it
// puts together and runs. Of the latter only the constant parts are known; those that are no
// statements of their own are left out.
func (r *Routine) Find(find func(Node) string) string {
	for _, statement := range r.Statements {
		if found := find(statement); found != "" {
			return found
		}
	}
	for _, text := range r.dynamicTexts() {
		statements, err := Statements(text)
		if err != nil {
			continue
		}
		for _, statement := range statements {
			if found := find(statement); found != "" {
				return found
			}
		}
	}
	return ""
}

// dynamicTexts are the constant parts of what the routine runs as statements.
func (r *Routine) dynamicTexts() []string {
	var texts []string
	for _, expression := range r.Dynamic {
		Walk(expression, func(n Node) bool {
			if text, ok := n.Constant(); ok {
				texts = append(texts, placeholders.Replace(text))
			}
			return true
		})
	}
	return texts
}

// Keys returns the keys by which the routine reads members of JSON documents, or makes records of
// them.
func (r *Routine) Keys() []string {
	var keys []string
	for _, statement := range r.Statements {
		Walk(statement, func(n Node) bool {
			if operator := n.Name("name"); n.Kind == "A_Expr" && (operator == "->" || operator == "->>") {
				if key, ok := n.Node("rexpr").Constant(); ok {
					keys = append(keys, key)
				}
			}
			for _, column := range n.List("coldeflist") {
				keys = append(keys, column.Text("colname"))
			}
			return true
		})
	}
	return keys
}

// Body parses the body of a routine in SQL from its definition (pg_get_functiondef) and its
// source, which is empty for a body in the standard's form.
func Body(definition, source, language string) (*Routine, error) {
	if language == "plpgsql" {
		return plpgsqlBody(definition, source)
	}
	r := &Routine{Assigned: map[string][]Node{}}
	text := source
	if strings.TrimSpace(source) == "" {
		text = definition
	}
	statements, err := Statements(text)
	if err != nil {
		return nil, err
	}
	if len(statements) == 1 && statements[0].Kind == "CreateFunctionStmt" {
		statements = atomicBody(statements[0].Node("sql_body"))
	}
	r.Statements = statements
	if len(statements) > 0 {
		r.Returns = results(statements[len(statements)-1])
	}
	return r, nil
}

// atomicBody returns the statements of a body in the standard's form.
func atomicBody(n Node) []Node {
	if n.Kind != "List" {
		return []Node{n}
	}
	var statements []Node
	for _, item := range n.List("items") {
		statements = append(statements, atomicBody(item)...)
	}
	return statements
}

// results returns what a statement returns.
func results(n Node) []Node {
	switch n.Kind {
	case "SelectStmt", "ReturnStmt":
		return []Node{n}
	case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt":
		var found []Node
		for _, target := range n.List("returningList") {
			found = append(found, target.Node("val"))
		}
		return found
	}
	return nil
}
