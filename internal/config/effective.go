package config

import (
	"cmp"
	"encoding"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Effective returns the configuration as the bot would use it, as YAML: every key with its value
// and a comment that says where the value came from. Secrets print as <secret>. It also returns
// the problems of the file, as [*Problems]. The YAML is empty if the file cannot be parsed.
func Effective(path string) ([]byte, error) {
	read, err := open(path)
	if err != nil {
		return nil, err
	}
	tree, err := read.tree("", reflect.ValueOf(read.config).Elem())
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	text, err := yaml.Dump(tree, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return text, read.check(Everything)
}

// tree returns a value as YAML, each scalar with its origin as a comment.
func (r *reading) tree(path string, value reflect.Value) (*yaml.Node, error) {
	switch {
	case isLeaf(value.Type()):
		return r.scalar(path, value)
	case value.Kind() == reflect.Struct:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for name, field := range fields(value) {
			if err := r.add(node, path, name, field); err != nil {
				return nil, err
			}
		}
		return node, nil
	case value.Len() == 0:
		return r.empty(path, value), nil
	case value.Kind() == reflect.Map:
		node := &yaml.Node{Kind: yaml.MappingNode}
		keys := value.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		for _, key := range keys {
			if err := r.add(node, path, key.String(), value.MapIndex(key)); err != nil {
				return nil, err
			}
		}
		return node, nil
	}
	node := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range value.Len() {
		element, err := r.tree(join(path, index(i)), value.Index(i))
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, element)
	}
	inLine(node)
	return node, nil
}

// inLine puts a list of scalars on one line if all have the same origin.
func inLine(list *yaml.Node) {
	origin := list.Content[0].LineComment
	if slices.ContainsFunc(list.Content,
		func(n *yaml.Node) bool { return n.LineComment == "" || n.LineComment != origin }) {
		return
	}
	for _, element := range list.Content {
		element.LineComment = ""
	}
	list.Style, list.LineComment = yaml.FlowStyle, origin
}

func (r *reading) add(mapping *yaml.Node, path, name string, value reflect.Value) error {
	element, err := r.tree(join(path, name), value)
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, element)
	return err
}

func (r *reading) scalar(path string, value reflect.Value) (*yaml.Node, error) {
	node := new(yaml.Node)
	if length, ok := value.Interface().(time.Duration); ok {
		node.Kind, node.Value = yaml.ScalarNode, short(length)
	} else if value.Kind() == reflect.String && value.IsZero() {
		node.SetString("") // an empty secret, too, is "" and not <secret>
		node.Style = yaml.DoubleQuotedStyle
	} else if err := node.Encode(value.Interface()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	node.LineComment = "# " + r.origin(path, value)
	return node, nil
}

func (r *reading) empty(path string, value reflect.Value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, LineComment: "# " + r.origin(path, value)}
	if value.Kind() == reflect.Map {
		node.Kind = yaml.MappingNode
	}
	return node
}

// origin returns the comment that says where a value came from.
func (r *reading) origin(path string, value reflect.Value) string {
	line := r.document.line(path)
	switch {
	case r.origins[path] != "" && line > 0:
		return fmt.Sprintf("line %d: %s", line, r.origins[path])
	case line > 0 && (r.given[path] || value.IsZero()) && !r.wrong(path):
		return fmt.Sprintf("line %d", line)
	case r.given[path]:
		return "by an alias" // a YAML alias: the key is on another line
	case unset(value):
		return "not set"
	}
	return "default"
}

// wrong reports whether the value in the file could not be decoded.
func (r *reading) wrong(path string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Key == path })
}

// unset reports whether a value is empty. false and 0 are values.
func unset(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.String, reflect.Struct:
		return value.IsZero()
	case reflect.Slice, reflect.Map:
		return value.Len() == 0
	}
	return false
}

// short writes a duration without trailing zero units: 15m, not 15m0s.
func short(length time.Duration) string {
	text := length.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// leaves yields the values that are not empty, with their paths.
func leaves(config *Config) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) { below(reflect.ValueOf(config).Elem(), "", yield) }
}

func below(value reflect.Value, path string, yield func(string, reflect.Value) bool) bool {
	switch {
	case isLeaf(value.Type()):
		return value.IsZero() || yield(path, value)
	case value.Kind() == reflect.Struct:
		for name, field := range fields(value) {
			if !below(field, join(path, name), yield) {
				return false
			}
		}
	case value.Kind() == reflect.Slice:
		for i := range value.Len() {
			if !below(value.Index(i), join(path, index(i)), yield) {
				return false
			}
		}
	case value.Kind() == reflect.Map:
		for _, key := range value.MapKeys() {
			if !below(value.MapIndex(key), join(path, key.String()), yield) {
				return false
			}
		}
	}
	return true
}

var textual = reflect.TypeFor[encoding.TextMarshaler]()

// isLeaf reports whether values of a type are scalars in YAML.
func isLeaf(kind reflect.Type) bool {
	if kind.Implements(textual) {
		return true
	}
	return kind.Kind() != reflect.Struct && kind.Kind() != reflect.Slice && kind.Kind() != reflect.Map
}

// fields yields the fields of a struct with their keys, including those of inlined structs.
func fields(value reflect.Value) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) { eachField(value, yield) }
}

func eachField(value reflect.Value, yield func(string, reflect.Value) bool) bool {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case !field.IsExported() || name == "-":
		case options == "inline":
			if !eachField(value.Field(i), yield) {
				return false
			}
		case !yield(cmp.Or(name, strings.ToLower(field.Name)), value.Field(i)):
			return false
		}
	}
	return true
}
