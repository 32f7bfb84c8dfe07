package taint

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// eval returns what an expression or a statement may be, and notes what is compared inside it.
func (r *reader) eval(n sqltree.Node, s *scope) value {
	switch n.Kind {
	case "":
		return value{}
	case "A_Const":
		if text, ok := n.Constant(); ok {
			return value{texts: []string{text}}
		}
		return value{}
	case "TypeCast":
		return r.cast(n, s)
	case "ColumnRef":
		return r.name(n, s)
	case "ParamRef":
		if i := n.Number("number") - 1; i >= 0 && i < len(s.parameters) {
			return s.parameters[i]
		}
		return value{}
	case "FuncCall":
		return r.function(n, s)
	case "A_Expr":
		return r.operation(n, s)
	case "A_ArrayExpr":
		return listed(r.each(n.List("elements"), s))
	case "A_Indirection":
		return r.indirection(n, s)
	case "CaseExpr":
		return r.choice(n, s)
	case "BoolExpr", "BooleanTest":
		r.decide(union(r.all(n.List("args"), s), r.eval(n.Node("arg"), s)))
		return value{}
	case "NullTest":
		for _, o := range r.eval(n.Node("arg"), s).origins {
			r.decisions.at(o, false)
		}
		return value{}
	case "SubLink":
		return r.subquery(n, s)
	case "SelectStmt":
		return r.query(n, s.inner())
	case "ReturnStmt":
		return r.eval(n.Node("returnval"), s)
	case "CallStmt":
		return r.function(n.Node("funccall"), s)
	}
	return r.children(n, s)
}

// each evaluates several expressions.
func (r *reader) each(nodes []sqltree.Node, s *scope) []value {
	values := make([]value, len(nodes))
	for i, n := range nodes {
		values[i] = r.eval(n, s)
	}
	return values
}

// all is what several expressions may be.
func (r *reader) all(nodes []sqltree.Node, s *scope) value { return union(r.each(nodes, s)...) }

// listed is an array of some elements.
func listed(items []value) value {
	v := union(items...)
	v.items = items
	return v
}

// children evaluates everything below a node that needs no more.
func (r *reader) children(n sqltree.Node, s *scope) value {
	var all value
	sqltree.Walk(n, func(below sqltree.Node) bool {
		if below.Kind == n.Kind || below.Kind == "" || below.Kind == "String" {
			return true
		}
		all = union(all, r.eval(below, s))
		return false
	})
	return all
}

func (r *reader) cast(n sqltree.Node, s *scope) value {
	v, to := r.eval(n.Node("arg"), s), n.Node("typeName")
	name := to.Name("names")
	switch {
	case len(v.items) > 0:
	case len(to.List("arrayBounds")) > 0 || strings.HasPrefix(name, "_"):
		for _, t := range v.texts {
			v.texts = append(v.texts, elements(t)...)
		}
		return v.then(step{kind: array})
	case name == "bool" || name == "boolean":
		r.decide(v)
	case name == "regclass": // whose text has no schema where the search_path does
		for _, t := range v.texts {
			v.texts = append(v.texts, t[strings.LastIndexByte(t, '.')+1:])
		}
	}
	return v
}

// name looks a name up: a parameter, a variable, a relation of the query, or else a column.
func (r *reader) name(n sqltree.Node, s *scope) value {
	fields := n.Names("fields")
	if len(fields) == 0 {
		return value{}
	}
	last := strings.ToLower(fields[len(fields)-1])
	if len(fields) > 1 {
		if v, ok := s.names[strings.ToLower(fields[len(fields)-2])+"."+last]; ok {
			if len(v.origins) == 0 { // which may be a column of a trigger's row
				v = union(v, value{columns: fields[len(fields)-1:]})
			}
			return v
		}
	}
	for _, owner := range fields[:len(fields)-1] {
		if v, ok := s.names[strings.ToLower(owner)]; ok && len(v.origins) > 0 {
			return v.withMember(fields[len(fields)-1])
		}
	}
	if v, ok := s.names[last]; ok {
		return v
	}
	return value{columns: []string{fields[len(fields)-1]}}
}

func (r *reader) choice(n sqltree.Node, s *scope) value {
	tested, chosen := r.eval(n.Node("arg"), s), r.eval(n.Node("defresult"), s)
	for _, when := range n.List("args") {
		condition := r.eval(when.Node("expr"), s)
		if n.Node("arg").Absent() {
			r.decide(condition)
		} else {
			r.compare(tested, "=", condition)
		}
		chosen = union(chosen, r.eval(when.Node("result"), s))
	}
	return chosen
}

func (r *reader) subquery(n sqltree.Node, s *scope) value {
	found := r.eval(n.Node("subselect"), s)
	if tested := n.Node("testexpr"); !tested.Absent() {
		operator := n.Name("operName")
		if operator == "" {
			operator = "="
		}
		r.compare(r.eval(tested, s), operator, found)
		return value{}
	}
	if n.Text("subLinkType") == "EXISTS_SUBLINK" {
		return value{}
	}
	return found
}

// query evaluates a SELECT and returns what its columns may be.
func (r *reader) query(n sqltree.Node, s *scope) value {
	for _, with := range n.Node("withClause").List("ctes") {
		s.define(with.Text("ctename"), r.relation(with.Node("ctequery"), s))
	}
	outer := maps.Clone(s.names)
	for _, from := range n.List("fromClause") {
		r.from(from, s)
	}
	r.decide(r.eval(n.Node("whereClause"), s))
	r.decide(r.eval(n.Node("havingClause"), s))
	var all value
	for _, target := range n.List("targetList") {
		if isStar(target.Node("val")) {
			for _, name := range slices.Sorted(maps.Keys(s.names)) {
				if _, known := outer[name]; !known {
					all = union(all, s.names[name])
				}
			}
			continue
		}
		all = union(all, r.eval(target.Node("val"), s))
	}
	for _, row := range n.List("valuesLists") {
		all = union(all, r.all(row.List("items"), s))
	}
	for _, side := range []string{"larg", "rarg"} {
		if half := n.Node(side); !half.Absent() {
			all = union(all, r.query(half, s.inner()))
		}
	}
	r.all(n.List("groupClause"), s)
	return all
}

// isStar reports whether a node is all columns, or all of a relation.
func isStar(n sqltree.Node) bool {
	return slices.ContainsFunc(n.List("fields"), func(field sqltree.Node) bool { return field.Kind == "A_Star" })
}

// columns are what the columns of a relation of a query may be, by name; "" is any.
type columns map[string]value

// define names a relation.
func (s *scope) define(name string, c columns) {
	name = strings.ToLower(name)
	for column, v := range c {
		if column == "" {
			s.names[name] = v
			continue
		}
		s.names[column] = v
		s.names[name+"."+column] = v
	}
}

// relation evaluates a subquery as a relation.
func (r *reader) relation(n sqltree.Node, s *scope) columns {
	inner := s.inner()
	all := columns{"": r.query(n, inner)}
	for _, target := range n.List("targetList") {
		if name := target.Text("name"); name != "" {
			all[strings.ToLower(name)] = r.eval(target.Node("val"), inner)
		}
	}
	return all
}

func (r *reader) from(n sqltree.Node, s *scope) {
	alias := n.Node("alias")
	names := alias.Names("colnames")
	switch n.Kind {
	case "RangeSubselect":
		found := r.relation(n.Node("subquery"), s)
		for _, name := range names {
			found[strings.ToLower(name)] = found[""]
		}
		s.define(alias.Text("aliasname"), found)
	case "RangeFunction":
		var all value
		for _, list := range n.List("functions") {
			all = union(all, r.all(list.List("items"), s))
		}
		found := columns{"": all, "value": all}
		for _, name := range names {
			found[strings.ToLower(name)] = all
		}
		for _, column := range n.List("coldeflist") {
			name := column.Text("colname")
			found[strings.ToLower(name)] = all.then(step{kind: member, text: name})
		}
		s.define(alias.Text("aliasname"), found)
	case "JoinExpr":
		r.from(n.Node("larg"), s)
		r.from(n.Node("rarg"), s)
		r.decide(r.eval(n.Node("quals"), s))
	}
}

func (r *reader) indirection(n sqltree.Node, s *scope) value {
	v := r.eval(n.Node("arg"), s)
	for _, part := range n.List("indirection") {
		switch part.Kind {
		case "String":
			v = v.withMember(part.Text("sval"))
		case "A_Indices":
			v = r.part(v, r.eval(part.Node("uidx"), s))
		}
	}
	return v
}

// part is the member of a document by key, its element by number, or the field of a text that was
// split.
func (r *reader) part(v, key value) value {
	parts := value{}
	for _, text := range key.texts {
		if n, err := strconv.Atoi(text); err == nil {
			for _, o := range v.origins {
				parts.origins = append(parts.origins, o.numbered(n))
			}
		} else {
			parts = union(parts, v.then(step{kind: member, text: text}))
		}
	}
	return value{origins: parts.origins}
}

// path is the part of a document at a path.
func (r *reader) path(v value, keys []string) value {
	for _, key := range keys {
		v = r.part(v, value{texts: []string{key}})
	}
	return v
}

var operators = []string{"=", "<>", "!=", "<", ">", "<=", ">=", "~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*",
	"@>", "<@", "?", "?|", "?&", "&&", "^@", "@@", "@?"}

func (r *reader) operation(n sqltree.Node, s *scope) value {
	left, operator := r.eval(n.Node("lexpr"), s), n.Name("name")
	right := r.eval(n.Node("rexpr"), s)
	switch kind := n.Text("kind"); kind {
	case "AEXPR_NULLIF":
		r.compare(left, "=", right)
		return left
	case "AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN", "AEXPR_BETWEEN_SYM", "AEXPR_NOT_BETWEEN_SYM":
		r.compare(left, "<", right)
		return value{}
	case "AEXPR_OP_ANY", "AEXPR_OP_ALL":
		for _, text := range right.texts {
			right.texts = append(right.texts, elements(text)...)
		}
	case "AEXPR_SIMILAR":
		operator = "~~"
	}
	switch {
	case slices.Contains(operators, operator):
		if operator == "@@" || operator == "@?" {
			r.jsonPath(left, right, value{})
			return value{}
		}
		r.compare(left, operator, right)
		return value{}
	case operator == "->" || operator == "->>":
		return r.part(left, right)
	case operator == "#>" || operator == "#>>":
		for _, text := range right.texts {
			if strings.HasPrefix(text, "{") {
				return r.path(left, elements(text))
			}
		}
		return r.path(left, right.texts)
	case operator == "||":
		return concatenated(left, right)
	}
	return union(left, right)
}

// joined is what texts make together, with a separator between.
func joined(values []value, separator value) value {
	all := value{}
	for i, v := range values {
		switch {
		case i == 0:
			all = v
		case len(separator.texts) > 0:
			all = concatenated(concatenated(all, separator), v)
		default:
			all = concatenated(all, v)
		}
	}
	return all
}

// formatted is what format() makes of a constant format and the values that it names one after
// another.
func formatted(format value, values []value) value {
	if len(format.texts) != 1 {
		return joined(append([]value{format}, values...), value{})
	}
	parts := placeholder.Split(format.texts[0], -1)
	all := value{texts: parts[:1]}
	for i, part := range parts[1:] {
		if i < len(values) {
			all = concatenated(all, values[i])
		}
		all = concatenated(all, value{texts: []string{part}})
	}
	return all
}

var placeholder = regexp.MustCompile(`%[sIL]`)

// concatenated is what two texts make together.
func concatenated(left, right value) value {
	v := value{}
	for _, a := range left.texts {
		for _, b := range right.texts {
			v.texts = append(v.texts, a+b)
		}
		v = union(v, value{origins: right.then(step{kind: affix, text: a}).origins})
	}
	for _, b := range right.texts {
		v = union(v, value{origins: left.then(step{kind: affix, more: b}).origins})
	}
	if len(left.texts)+len(right.texts) == 0 {
		v = union(value{origins: left.origins}, value{origins: right.origins})
	}
	return union(v)
}
