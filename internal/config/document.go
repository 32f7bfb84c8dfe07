package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/joined"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Line int    // of the key, or of the mapping that lacks it; 0 when nothing of its path is in the file
	Key  string // its path, such as slack.bot_token
	Text string // what is wrong and how to fix it
}

// Problems are all problems of a configuration, in the order of the file.
type Problems struct {
	File string
	List []Problem
}

// Error has one problem on each line.
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

// document is a parsed file that knows the lines of its keys.
type document struct {
	root *yaml.Node
}

// parse parses YAML, or returns the problem that leaves nothing to decode.
func parse(text []byte) (document, *Problem) {
	var all []yaml.Node
	err := yaml.Load(text, &all, yaml.WithAllDocuments())
	if broken, ok := errors.AsType[*yaml.LoadError](err); ok {
		return document{}, notYAML(text, broken)
	}
	switch {
	case err != nil:
		return document{}, &Problem{Text: "this is not YAML: " + err.Error()}
	case len(all) == 0 || len(all[0].Content) == 0:
		return document{}, &Problem{Text: "the file is empty; begin with config.example.yaml"}
	case len(all) > 1:
		return document{}, &Problem{Line: all[1].Line,
			Text: "a second document begins here; a configuration has only one"}
	case all[0].Content[0].Kind != yaml.MappingNode:
		return document{}, &Problem{Line: all[0].Content[0].Line,
			Text: "this is not a mapping of keys to values; begin with config.example.yaml"}
	}
	return document{root: all[0].Content[0]}, nil
}

// notYAML returns the problem of a text that does not parse.
func notYAML(text []byte, broken *yaml.LoadError) *Problem {
	lines := strings.Split(string(text), "\n")
	if at := broken.Mark.Line; at > 0 && at <= len(lines) &&
		strings.HasPrefix(strings.TrimLeft(lines[at-1], " "), "\t") {
		return &Problem{Line: at, Text: "this is not YAML: a tab indents this line; YAML allows only spaces"}
	}
	if broken.ContextMsg == "" {
		return &Problem{Line: broken.Mark.Line, Text: "this is not YAML: " + broken.Message}
	}
	return &Problem{Line: broken.ContextMark.Line,
		Text: fmt.Sprintf("this is not YAML: %s, %s", broken.Message, broken.ContextMsg)}
}

// index returns the name of a list's element for [join].
func index(i int) string { return fmt.Sprintf("[%d]", i) }

var indexed = regexp.MustCompile(`^\[\d+\]$`)

var part = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[^.\[\]]+`)

// keys splits a path such as hosts.vps-0.argv[2] or tables["public.bookings"].excuse into its
// parts.
func keys(path string) []string {
	parts := part.FindAllString(path, -1)
	for i, key := range parts {
		if plain, err := strconv.Unquote(key); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// join returns the path of a mapping's key, or of a list's element such as [0], below another
// path.
func join(path, name string) string {
	if indexed.MatchString(name) {
		return path + name
	}
	if strings.ContainsAny(name, `.[]"`) {
		return path + "[" + strconv.Quote(name) + "]"
	}
	return strings.TrimPrefix(path+"."+name, ".")
}

// line returns the line of a key, 0 if it is not in the file.
func (d document) line(path string) int {
	line, there := d.nearestLine(path)
	if !there {
		return 0
	}
	return line
}

// nearestLine returns the line of a key, or of the nearest part of its path that is in the file; 0
// if none is.
func (d document) nearestLine(path string) (line int, there bool) {
	node := d.root
	for _, key := range keys(path) {
		name, value := child(node, key)
		if value == nil {
			return line, false
		}
		node, line = value, name.Line
	}
	return line, true
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

// at returns the path of the key or value at a position, empty if there is none.
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
		// A mapping has the same position as its first key.
		if rest := locate(value, line, column); rest != nil {
			return append([]string{key.Value}, rest...)
		}
		if value.Line == line && value.Column == column {
			return []string{key.Value}
		}
	}
	for i := 0; node.Kind == yaml.SequenceNode && i < len(node.Content); i++ {
		element := node.Content[i]
		name := index(i)
		if rest := locate(element, line, column); rest != nil {
			return append([]string{name}, rest...)
		}
		if element.Line == line && element.Column == column {
			return []string{name}
		}
	}
	return nil
}

// decode fills a value and reports every unknown key and every value of the wrong type.
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

// explain rewords a decoder's message for people who know YAML but not Go.
func explain(message string) string {
	if field, _, found := strings.Cut(strings.TrimPrefix(message, "field "), " not found in type "); found {
		return fmt.Sprintf("there is no key %q here; see config.example.yaml for the keys there are", field)
	}
	if value, kind, found := strings.Cut(strings.TrimPrefix(message, "cannot construct "), " into "); found {
		return fmt.Sprintf("must be %s, not %s", wanted(kind), readable(value))
	}
	return message
}

// readable turns a decoder's tag and value, such as !!str `foo`, into words.
func readable(value string) string {
	tag, rest, _ := strings.Cut(value, " ")
	names := map[string]string{
		"!!str": "text", "!!int": "a number", "!!float": "a number", "!!bool": "true or false",
		"!!seq": "a list", "!!map": "a mapping", "!!null": "nothing",
	}
	return strings.TrimSpace(names[tag] + " " + rest)
}

func wanted(kind string) string {
	switch {
	case kind == "time.Duration":
		return "a duration such as 30s, 15m or 24h"
	case kind == "bool":
		return "true or false"
	case kind == "uint16":
		return "a whole number from 0 to 65535"
	case strings.HasPrefix(kind, "uint"):
		return "a whole number from 0 up"
	case strings.HasPrefix(kind, "int"):
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

// problemsOf turns the joined errors of a section's Validate, each "key: text", into problems.
func (d document) problemsOf(section string, err error) (problems []Problem) {
	for _, one := range joined.Errors(err) {
		path, text := section, one.Error()
		if key, rest, found := strings.Cut(text, ": "); found && !strings.ContainsAny(key, " ,") {
			path, text = strings.TrimPrefix(section+"."+key, "."), rest
		}
		line, _ := d.nearestLine(path)
		problems = append(problems, Problem{Line: line, Key: path, Text: text})
	}
	return problems
}

// inOrder sorts problems by line. Those without a line come last.
func inOrder(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return b.Line - a.Line
		}
		return a.Line - b.Line
	})
}
