package deployconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// yamlSource turns the parser's lines and columns into offsets.
type yamlSource struct {
	src   []byte
	lines []int // offset of each line's first byte
	ends  []int // offset of each line's end, before its line break
}

func parseYAML(src []byte) (yamlSource, []*yaml.Node, error) {
	source := yamlSource{src: src, lines: []int{0}}
	if err := text(src); err != nil {
		return source, nil, err
	}
	for i := 0; i < len(src); {
		if n := lineBreak(src[i:]); n > 0 {
			source.ends = append(source.ends, i)
			i += n
			source.lines = append(source.lines, i)
			continue
		}
		i++
	}
	source.ends = append(source.ends, len(src))
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(withoutVersion(src)))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return source, documents, nil
		}
		if err != nil {
			return source, nil, err
		}
		documents = append(documents, &document)
	}
}

// laterVersion is a directive that the parser refuses, although it reads such documents: YAML
// 1.2.2 §6.8.1 wants those of later minor versions read all the same.
var laterVersion = regexp.MustCompile(`(?m)^(\x{FEFF}?)%(YAML[ \t]+1\.(?:[2-9]|[1-9][0-9])[ \t\r]*(#.*)?)$`)

// withoutVersion makes such a directive a comment of the same length.
func withoutVersion(src []byte) []byte { return laterVersion.ReplaceAll(src, []byte("$1#$2")) }

// lineBreak is the length of the line break at the start of src, by the parser's rules: YAML 1.1,
// section 5.4.
func lineBreak(src []byte) int {
	switch {
	case bytes.HasPrefix(src, []byte("\r\n")):
		return 2
	case src[0] == '\r', src[0] == '\n':
		return 1
	case bytes.HasPrefix(src, []byte("\u0085")):
		return 2
	case bytes.HasPrefix(src, []byte("\u2028")), bytes.HasPrefix(src, []byte("\u2029")):
		return 3
	}
	return 0
}

// offset is where a node begins. Columns count characters from 1.
func (s yamlSource) offset(node *yaml.Node) (int, error) {
	if node.Line < 1 || node.Line > len(s.lines) {
		return 0, fmt.Errorf("line %d: cannot find %q", node.Line, node.Value)
	}
	at := s.lines[node.Line-1]
	if at == 0 {
		at = len(s.src) - len(bytes.TrimPrefix(s.src, []byte("\uFEFF")))
	}
	for range node.Column - 1 {
		if at >= len(s.src) {
			return 0, fmt.Errorf("line %d: cannot find %q", node.Line, node.Value)
		}
		_, size := utf8.DecodeRune(s.src[at:])
		at += size
	}
	return at, nil
}

// scalar is where a scalar begins and ends, quotes included. One that takes several lines, or does
// not stand there as the parser read it, is refused.
func (s yamlSource) scalar(node *yaml.Node) (start, end int, err error) {
	refuse := func(why string) (int, int, error) {
		return 0, 0, fmt.Errorf("line %d: %q %s", node.Line, node.Value, why)
	}
	if start, err = s.offset(node); err != nil {
		return 0, 0, err
	}
	if start == len(s.src) {
		return refuse("is not where the parser says")
	}
	rest := s.src[start:]
	var quoted []byte
	switch {
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return refuse("is a block of text: write it on one line")
	case node.Style&yaml.DoubleQuotedStyle != 0:
		quoted = doubleQuoted.Find(rest)
	case node.Style&yaml.SingleQuotedStyle != 0:
		quoted = singleQuoted.Find(rest)
	case node.Value == "" || rest[0] == '!':
		return refuse("has a tag: write the value without it")
	case bytes.HasPrefix(rest, []byte(node.Value)):
		return start, start + len(node.Value), nil
	}
	if quoted == nil {
		return refuse("takes more than one line: write it on one")
	}
	return start, start + len(quoted), nil
}

var (
	doubleQuoted = regexp.MustCompile(`^"(?:[^"\\\r\n]|\\[^\r\n])*"`)
	singleQuoted = regexp.MustCompile(`^'(?:[^'\r\n]|'')*'`)
)

// line is the index of the line that holds the offset.
func (s yamlSource) line(offset int) int {
	i, found := slices.BinarySearch(s.lines, offset)
	if !found {
		i--
	}
	return i
}

// newline is the line break that the file uses.
func (s yamlSource) newline() string {
	if len(s.lines) > 1 {
		return string(s.src[s.ends[0]:s.lines[1]])
	}
	return "\n"
}

// pair is a key with its value; both nil where the mapping has no such key.
type pair struct{ key, value *yaml.Node }

// pair finds a key, and refuses what would make an edit reach further than it seems to.
func (s yamlSource) pair(mapping *yaml.Node, key string) (pair, error) {
	var found pair
	merged := false
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		k, v := mapping.Content[i], mapping.Content[i+1]
		merged = merged || k.Value == "<<" && k.Style == 0
		if k.Kind != yaml.ScalarNode || k.Value != key {
			continue
		}
		if found.key != nil {
			return pair{}, fmt.Errorf("line %d: %s appears twice, first on line %d", k.Line, key, found.key.Line)
		}
		found = pair{k, v}
	}
	if found.key == nil {
		if merged {
			return pair{}, fmt.Errorf("line %d: %s may come from a merge key (<<): write it out", mapping.Line, key)
		}
		return found, nil
	}
	var problem error
	walk(found.value, func(node *yaml.Node) {
		if problem == nil && node != nil && (node.Kind == yaml.AliasNode || node.Anchor != "") {
			problem = fmt.Errorf("line %d: %s uses an anchor or alias: write the value out", node.Line, key)
		}
		if problem == nil && node.Style&yaml.TaggedStyle != 0 {
			problem = fmt.Errorf("line %d: %s has a tag: write the value without it", node.Line, key)
		}
	})
	return found, problem
}

func (p pair) null() bool {
	return p.value == nil || p.value.Kind == yaml.ScalarNode && p.value.ShortTag() == "!!null"
}

func (p pair) text() (string, error) {
	if p.null() {
		return "", nil
	}
	if p.value.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("line %d: %s is not text", p.key.Line, p.key.Value)
	}
	return p.value.Value, nil
}

func (p pair) list() ([]string, error) {
	if p.null() {
		return nil, nil
	}
	if p.value.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: %s is not a list", p.key.Line, p.key.Value)
	}
	var items []string
	for _, item := range p.value.Content {
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			return nil, fmt.Errorf("line %d: an entry of %s is not text", item.Line, p.key.Value)
		}
		items = append(items, item.Value)
	}
	return items, nil
}

func (p pair) boolean() (bool, error) {
	if p.value == nil {
		return false, nil
	}
	if p.value.Kind != yaml.ScalarNode || p.value.ShortTag() != "!!bool" {
		return false, fmt.Errorf("line %d: %s is neither true nor false", p.key.Line, p.key.Value)
	}
	return strings.EqualFold(p.value.Value, "true"), nil
}

// plainYAML is what stands for itself anywhere, in flow lists too, unless the parser takes it for
// something other than text.
var plainYAML = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./@+-]*$`)

// quoteYAML writes a text in the style of the one it replaces, where that style can.
func quoteYAML(value string, style yaml.Style) string {
	plain := plainYAML.MatchString(value)
	switch {
	case style&yaml.SingleQuotedStyle != 0:
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	case style&yaml.DoubleQuotedStyle == 0 && plain && isText(value):
		return value
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b) // a JSON string is a YAML one: YAML 1.2.2, section 1.2
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return strings.TrimSuffix(b.String(), "\n")
}

func isText(value string) bool {
	var node yaml.Node
	return yaml.Unmarshal([]byte(value), &node) == nil && len(node.Content) == 1 &&
		node.Content[0].ShortTag() == "!!str"
}

func keys(mapping *yaml.Node) []*yaml.Node {
	var keys []*yaml.Node
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		keys = append(keys, mapping.Content[i])
	}
	return keys
}

// walk visits a node and all below it, but not what aliases point to.
func walk(node *yaml.Node, visit func(*yaml.Node)) {
	visit(node)
	for _, child := range node.Content {
		walk(child, visit)
	}
}

// without copies a tree and leaves out the mapping entries with these values.
func without(node *yaml.Node, drop map[*yaml.Node]bool) *yaml.Node {
	shallow := *node
	shallow.Content = nil
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode &&
			(drop[child] && i%2 == 1 || i%2 == 0 && i+1 < len(node.Content) && drop[node.Content[i+1]]) {
			continue
		}
		shallow.Content = append(shallow.Content, without(child, drop))
	}
	return &shallow
}

// sameNode compares what two trees say, not where or how.
func sameNode(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value && a.Anchor == b.Anchor &&
		slices.EqualFunc(a.Content, b.Content, sameNode)
}
