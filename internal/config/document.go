package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Line int    // 0 when the key is not in the file
	Key  string // its path, such as slack.bot_token
	Text string // what is wrong and what to do
}

// Problems are everything that is wrong with a configuration, in the order of the file.
type Problems struct {
	File string
	List []Problem
}

// Error writes one problem a line.
func (p *Problems) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %d problem(s)", p.File, len(p.List))
	for _, problem := range p.List {
		out.WriteString("\n  ")
		if problem.Line > 0 {
			fmt.Fprintf(&out, "line %d: ", problem.Line)
		}
		if problem.Key != "" {
			out.WriteString(problem.Key + ": ")
		}
		out.WriteString(problem.Text)
	}
	return out.String()
}

// document is a parsed file, for saying where things are.
type document struct {
	root *yaml.Node
}

func parse(text []byte) (document, error) {
	var root yaml.Node
	if err := yaml.Load(text, &root); err != nil {
		return document{}, err
	}
	if len(root.Content) == 0 {
		return document{root: &yaml.Node{Kind: yaml.MappingNode}}, nil
	}
	return document{root: root.Content[0]}, nil
}

var part = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[^.\[\]]+`)

// keys splits a path such as hosts.vps-0.argv[2] or tables["public.bookings"].excuse into its parts.
func keys(path string) []string {
	parts := part.FindAllString(path, -1)
	for i, key := range parts {
		if plain, err := strconv.Unquote(key); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// join is the path of something below another.
func join(path, name string) string {
	if strings.ContainsAny(name, `.[]"`) {
		return path + "[" + strconv.Quote(name) + "]"
	}
	return strings.TrimPrefix(path+"."+name, ".")
}

// line returns where a key stands, 0 if it is not in the file.
func (d document) line(path string) int {
	node := d.root
	line := 0
	for _, key := range keys(path) {
		name, value := child(node, key)
		if value == nil {
			return 0
		}
		node, line = value, name.Line
	}
	return line
}

// child returns the nodes of a mapping's key and value, or of a sequence's element.
func child(node *yaml.Node, key string) (name, value *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		var index int
		if _, err := fmt.Sscanf(key, "%d", &index); err == nil && index >= 0 && index < len(node.Content) {
			return node.Content[index], node.Content[index]
		}
	}
	return nil, nil
}

// at returns the path of what stands at a place, empty if nothing does.
func (d document) at(line, column int) (path string) {
	for _, key := range locate(d.root, line, column) {
		path = join(path, key)
	}
	return path
}

func locate(node *yaml.Node, line, column int) []string {
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Line == line && key.Column == column {
			return []string{key.Value}
		}
		// What stands first in a mapping stands where the mapping does.
		if rest := locate(value, line, column); rest != nil {
			return append([]string{key.Value}, rest...)
		}
		if value.Line == line && value.Column == column {
			return []string{key.Value}
		}
	}
	for i := 0; node.Kind == yaml.SequenceNode && i < len(node.Content); i++ {
		element := node.Content[i]
		if element.Line == line && element.Column == column && element.Kind == yaml.ScalarNode {
			return []string{fmt.Sprint(i)}
		}
		if rest := locate(element, line, column); rest != nil {
			return append([]string{fmt.Sprint(i)}, rest...)
		}
	}
	return nil
}

// decode fills a value strictly and reports every key that is unknown and every value of the wrong type.
func (d document) decode(text []byte, into any) []Problem {
	err := yaml.Load(text, into, yaml.WithKnownFields())
	if err == nil {
		return nil
	}
	var problems []Problem
	if all, ok := errors.AsType[*yaml.LoadErrors](err); ok {
		for _, one := range all.Errors {
			path := d.at(one.Mark.Line, one.Mark.Column)
			problems = append(problems, Problem{Line: one.Mark.Line, Key: path, Text: explain(one.Message)})
		}
		return problems
	}
	return []Problem{{Text: err.Error()}}
}

// explain says what the decoder found in the words of somebody who writes YAML.
func explain(message string) string {
	if field, _, found := strings.Cut(strings.TrimPrefix(message, "field "), " not found in type "); found {
		return fmt.Sprintf("there is no key %q here; see config.example.yaml for the keys there are", field)
	}
	if value, kind, found := strings.Cut(strings.TrimPrefix(message, "cannot construct "), " into "); found {
		return fmt.Sprintf("%s where %s is wanted", readable(value), wanted(kind))
	}
	return message
}

// readable turns a decoder's tag and value, such as !!str `foo`, into words.
func readable(value string) string {
	tag, rest, _ := strings.Cut(value, " ")
	names := map[string]string{"!!str": "text", "!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!seq": "a list", "!!map": "a mapping", "!!null": "nothing"}
	return strings.TrimSpace(names[tag] + " " + rest)
}

func wanted(kind string) string {
	switch {
	case kind == "time.Duration":
		return "a duration such as 30s, 15m or 24h"
	case kind == "bool":
		return "true or false"
	case strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case strings.HasPrefix(kind, "[]"):
		return "a list"
	case kind == "string" || kind == "secret.String":
		return "text"
	}
	return "a mapping"
}

// said turns what a section's Validate returned, "key: text" joined, into problems below the section.
func (d document) said(section string, err error) []Problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var problems []Problem
		for _, one := range joined.Unwrap() {
			problems = append(problems, d.said(section, one)...)
		}
		return problems
	}
	path, text := section, err.Error()
	if key, rest, found := strings.Cut(text, ": "); found && !strings.ContainsAny(key, " ,") {
		path, text = strings.TrimPrefix(section+"."+key, "."), rest
	}
	return []Problem{{Line: d.line(path), Key: path, Text: text}}
}

// inOrder sorts problems as the file goes; those of keys that are missing come last.
func inOrder(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return b.Line - a.Line
		}
		return a.Line - b.Line
	})
}
