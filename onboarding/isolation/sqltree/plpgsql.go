package sqltree

import (
	"cmp"
	"strings"
)

// The parse modes of an expression of PL/pgSQL (RawParseMode in PostgreSQL's parser.h).
const (
	statementMode = 0
	assignMode    = 3 // and above: with the target, of one or more names
)

// plpgsqlReader gathers a routine from the parser's JSON, without regard to the order of its
// statements.
type plpgsqlReader struct {
	routine *Routine
	names   map[int]string // of variables and of their fields ("variable.field"), by number
	// initial are the first values of variables, which the parser's JSON lacks for those with
	// fields.
	initial map[string]string
	whole   map[string][]Node // what is assigned to a variable and to none of its fields
	// parameters are the names of all parameters. Where a RETURN names nothing, those that are
	// assigned to are returned.
	parameters     []string
	returnsOutputs bool
	failure        error
}

func plpgsqlBody(definition, source string) (*Routine, error) {
	tree, err := plpgsql(definition)
	tokens, unscanned := scan(source)
	variables := declarations(tokens, source)
	if err != nil && unscanned == nil {
		if again, unread := plpgsql(asRecords(definition, source, tokens, variables)); unread == nil {
			tree, err = again, nil
		}
	}
	if err = cmp.Or(err, unscanned); err != nil {
		return nil, err
	}
	r := &plpgsqlReader{routine: &Routine{Assigned: map[string][]Node{}}, names: map[int]string{},
		initial: map[string]string{}, whole: map[string][]Node{}}
	for _, v := range variables {
		r.initial[v.name] = v.initial
	}
	r.read("", tree)
	r.fields()
	if r.returnsOutputs {
		for _, name := range r.parameters {
			if len(r.routine.Assigned[strings.ToLower(name)]) > 0 {
				n := toNode(map[string]any{"ColumnRef": map[string]any{
					"fields": []any{map[string]any{"String": map[string]any{"sval": name}}}}})
				r.routine.Returns = append(r.routine.Returns, n)
			}
		}
	}
	return r.routine, r.failure
}

// read reads an object of the JSON, whose key in its parent is its kind.
func (r *plpgsqlReader) read(kind string, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			r.read("", item)
		}
	case map[string]any:
		if kind == "PLpgSQL_expr" {
			r.expression(value)
			return
		}
		r.statement(kind, value)
		for key, inner := range value {
			r.read(key, inner)
		}
	}
}

// expression parses an expression, or a statement, into the list of all.
func (r *plpgsqlReader) expression(fields map[string]any) []Node {
	text, _ := fields["query"].(string)
	mode, _ := fields["parseMode"].(float64)
	if mode >= assignMode {
		_, value, _ := strings.Cut(text, "=") // or ":="
		return []Node{r.parse(value)}
	}
	if mode != statementMode {
		return []Node{r.parse(text)}
	}
	statements, err := Statements(text)
	if err != nil {
		r.failure = err
		return nil
	}
	r.routine.Statements = append(r.routine.Statements, statements...)
	return statements
}

func (r *plpgsqlReader) parse(text string) Node {
	n, err := Expression(text)
	if err != nil {
		r.failure = err
		return Node{}
	}
	r.routine.Statements = append(r.routine.Statements, n)
	return n
}

// assign notes what is assigned to a variable, or to the field of one.
func (r *plpgsqlReader) assign(variable string, values ...Node) {
	name := strings.ToLower(variable)
	r.routine.Assigned[name] = append(r.routine.Assigned[name], values...)
	if record, _, ok := strings.Cut(name, "."); ok {
		r.routine.Assigned[record] = append(r.routine.Assigned[record], values...)
	} else {
		r.whole[name] = append(r.whole[name], values...)
	}
}

// fields adds to what is assigned to each field that part of what is assigned to the whole
// variable.
func (r *plpgsqlReader) fields() {
	for name := range r.routine.Assigned {
		record, field, ok := strings.Cut(name, ".")
		if !ok {
			continue
		}
		for _, value := range r.whole[record] {
			whole := value.Fields
			if value.Kind != "" {
				whole = map[string]any{value.Kind: value.Fields}
			}
			part := map[string]any{"arg": whole,
				"indirection": []any{map[string]any{"String": map[string]any{"sval": field}}}}
			r.routine.Assigned[name] = append(r.routine.Assigned[name], Node{"A_Indirection", part})
		}
	}
}

// statement notes what a statement returns, assigns or runs. It takes the expressions that it
// reads out of the fields, so each is parsed once.
func (r *plpgsqlReader) statement(kind string, fields map[string]any) {
	inner := func(field string) []Node {
		object, _ := fields[field].(map[string]any)
		expression, _ := object["PLpgSQL_expr"].(map[string]any)
		if expression == nil {
			return nil
		}
		delete(fields, field)
		return r.expression(expression)
	}
	switch kind {
	case "PLpgSQL_stmt_return", "PLpgSQL_stmt_return_next":
		returned := inner("expr")
		r.returnsOutputs = r.returnsOutputs || returned == nil
		r.routine.Returns = append(r.routine.Returns, returned...)
	case "PLpgSQL_stmt_return_query":
		r.routine.Returns = append(r.routine.Returns, inner("query")...)
		r.routine.Dynamic = append(r.routine.Dynamic, inner("dynquery")...)
	case "PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors":
		r.routine.Dynamic = append(r.routine.Dynamic, inner("query")...)
	case "PLpgSQL_var":
		name, _ := fields["refname"].(string)
		r.assign(name, inner("default_val")...)
	case "PLpgSQL_rec":
		name, _ := fields["refname"].(string)
		if initial := r.initial[strings.ToLower(name)]; initial != "" {
			r.assign(name, r.parse(initial))
		}
	case "PLpgSQL_stmt_assign":
		number, _ := fields["varno"].(float64)
		r.assign(r.names[int(number)], inner("expr")...)
	case "PLpgSQL_stmt_execsql":
		if into, _ := fields["into"].(bool); into {
			r.assignTargets(fields["target"], inner("sqlstmt"))
		}
	case "PLpgSQL_stmt_fors":
		r.assignTargets(fields["var"], inner("query"))
	case "PLpgSQL_stmt_foreach_a":
		number, _ := fields["varno"].(float64)
		r.assign(r.names[int(number)], inner("expr")...)
	case "PLpgSQL_stmt_if", "PLpgSQL_if_elsif", "PLpgSQL_stmt_while", "PLpgSQL_stmt_exit":
		r.routine.Conditions = append(r.routine.Conditions, inner("cond")...)
	case "PLpgSQL_case_when":
		r.routine.Conditions = append(r.routine.Conditions, inner("expr")...)
	case "PLpgSQL_stmt_case": // its conditions compare a variable that the parser adds
		if tested := inner("t_expr"); tested != nil {
			number, _ := fields["t_varno"].(float64)
			r.assign(r.names[int(number)], tested...)
		}
	case "PLpgSQL_function":
		datums, _ := fields["datums"].([]any)
		for i, datum := range datums {
			object, _ := datum.(map[string]any)
			for _, d := range object {
				inside, _ := d.(map[string]any)
				name, _ := inside["refname"].(string)
				if field, _ := inside["fieldname"].(string); field != "" {
					record, _ := inside["recparentno"].(float64)
					name = r.names[int(record)] + "." + field
				}
				r.names[i] = name
			}
		}
		for i := 0; r.names[i] != "" && r.names[i] != "found"; i++ { // which comes after the parameters
			r.parameters = append(r.parameters, r.names[i])
		}
	}
}

// assignTargets assigns the results of statements to the variables of a row or to a record.
func (r *plpgsqlReader) assignTargets(target any, statements []Node) {
	object, _ := target.(map[string]any)
	for _, t := range object {
		inside, _ := t.(map[string]any)
		if name, _ := inside["refname"].(string); name != "" {
			r.assign(name, statements...)
		}
		fields, _ := inside["fields"].([]any)
		for _, field := range fields {
			f, _ := field.(map[string]any)
			number, _ := f["varno"].(float64)
			r.assign(r.names[int(number)], statements...)
		}
	}
}
