package taint

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// function returns what a call may return.
func (r *reader) function(n sqltree.Node, s *scope) value {
	name := strings.ToLower(n.Name("funcname"))
	nodes := n.List("args")
	arguments := make([]value, len(nodes))
	for i, a := range nodes {
		if a.Kind == "NamedArgExpr" {
			a = a.Node("arg")
		}
		arguments[i] = r.eval(a, s)
	}
	if own := r.functions[name]; len(own) > 0 {
		var returned value
		for _, f := range own {
			if last := len(f.ArgTypes) - 1; f.Variadic && len(arguments) > last && !isTrue(n, "func_variadic") {
				given := append(slices.Clone(arguments[:last]), listed(arguments[last:]))
				returned = union(returned, r.call(f, given, s.depth))
			} else if len(f.ArgTypes) >= len(arguments) {
				returned = union(returned, r.call(f, r.named(f.ArgNames, nodes, arguments, len(f.ArgTypes)), s.depth))
			}
		}
		return returned
	}
	return r.builtin(name, arguments)
}

// named puts arguments in the order of the parameters.
func (r *reader) named(names []string, nodes []sqltree.Node, arguments []value, n int) []value {
	ordered := make([]value, n)
	for i, v := range arguments {
		at := i
		if nodes[i].Kind == "NamedArgExpr" {
			at = slices.Index(names, nodes[i].Text("name"))
		}
		if at >= 0 && at < n {
			ordered[at] = v
		}
	}
	return ordered
}

func isTrue(n sqltree.Node, field string) bool {
	yes, _ := n.Fields[field].(bool)
	return yes
}

// settingName is a valid name of a setting.
var settingName = regexp.MustCompile(`^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*$`)

// setting is the value of a setting, by each name that it may have.
func (r *reader) setting(name value) value {
	v := value{}
	for _, text := range name.texts {
		if settingName.MatchString(text) && r.reads(text) {
			v.origins = append(v.origins, Origin{Setting: strings.ToLower(text)})
		}
	}
	return v
}

// builtin returns what a function of PostgreSQL's may return.
func (r *reader) builtin(name string, arguments []value) value {
	at := func(i int) value {
		if i < len(arguments) {
			return arguments[i]
		}
		return value{}
	}
	first := at(0)
	switch name {
	case "current_setting":
		return r.setting(first)
	case "starts_with", "position", "strpos", "array_position", "array_positions", "jsonb_contains", "arraycontains":
		r.compare(first, "=", at(1))
		return value{}
	case "regexp_like", "regexp_match", "regexp_matches", "regexp_substr", "regexp_count", "regexp_instr":
		r.compare(first, "~", at(1))
		return value{}
	case "regexp_replace":
		r.compare(first, "~", at(1))
		return first
	case "like", "notlike":
		r.compare(first, "~~", at(1))
		return value{}
	case "split_part":
		n := 1
		if texts := at(2).texts; len(texts) > 0 {
			if number, err := strconv.Atoi(texts[0]); err == nil && number > 0 && number <= maxFields {
				n = number
			}
		}
		separator := ","
		if texts := at(1).texts; len(texts) > 0 {
			separator = texts[0]
		}
		return value{origins: first.then(step{kind: field, text: separator, n: n}).origins}
	case "concat":
		return joined(arguments, value{})
	case "concat_ws":
		return joined(arguments[min(1, len(arguments)):], first)
	case "format":
		return formatted(first, arguments[min(1, len(arguments)):])
	case "array_to_string":
		if len(first.items) > 0 {
			return joined(first.items, at(1))
		}
		return first
	case "jsonb_extract_path", "jsonb_extract_path_text", "json_extract_path", "json_extract_path_text":
		v := first
		for _, key := range arguments[min(1, len(arguments)):] {
			v = r.part(v, key)
		}
		return v
	case "jsonb_array_elements", "jsonb_array_elements_text", "json_array_elements", "json_array_elements_text":
		return first.then(step{kind: element})
	case "jsonb_object_keys", "json_object_keys":
		return value{}
	case "jsonb_path_exists", "jsonb_path_match", "jsonb_path_query", "jsonb_path_query_first",
		"jsonb_path_query_array", "jsonb_path_exists_tz", "jsonb_path_match_tz":
		return r.jsonPath(first, at(1), at(2))
	case "jsonb_exists", "jsonb_exists_any", "jsonb_exists_all":
		r.compare(first, "?", at(1))
		return value{}
	case "jsonb_populate_record", "json_populate_record":
		return at(1)
	case "string_to_array", "string_to_table", "regexp_split_to_array", "regexp_split_to_table":
		separator := ","
		if texts := at(1).texts; len(texts) > 0 {
			separator = texts[0]
			if strings.HasPrefix(name, "regexp") {
				separator = regexpExample(separator)[0]
			}
		}
		return value{origins: first.then(step{kind: field, text: separator, n: 1}).origins}
	case "lower", "upper", "btrim", "ltrim", "rtrim", "left", "right", "substr", "substring", "replace", "translate",
		"overlay", "initcap", "length", "char_length", "cardinality", "array_length", "similar_to_escape",
		"like_escape":
		return first
	case "set_config":
		return at(1)
	}
	return union(arguments...)
}
