package deployconfig

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// setScalar replaces a text.
func (s yamlSource) setScalar(p pair, value string) ([]edit, error) {
	return s.setPlain(p, quoteYAML(value, p.value.Style))
}

// setPlain replaces a scalar by what is already YAML. An empty value begins after the key's colon.
func (s yamlSource) setPlain(p pair, written string) ([]edit, error) {
	if p.null() && p.value.Value == "" {
		colon, err := s.colon(p)
		if err != nil {
			return nil, err
		}
		rest := strings.TrimLeft(string(s.src[colon:s.ends[s.line(colon)]]), " \t")
		if rest != "" && rest[0] != '#' {
			return nil, fmt.Errorf("line %d: %s is neither empty nor text: write a value", p.key.Line, p.key.Value)
		}
		return []edit{{colon, colon, " " + written}}, nil
	}
	start, end, err := s.scalar(p.value)
	return []edit{{start, end, written}}, err
}

// colon is the offset after the colon that follows a key.
func (s yamlSource) colon(p pair) (int, error) {
	_, end, err := s.scalar(p.key)
	if err != nil {
		return 0, err
	}
	for end < len(s.src) && (s.src[end] == ' ' || s.src[end] == '\t') {
		end++
	}
	if end == len(s.src) || s.src[end] != ':' {
		return 0, fmt.Errorf("line %d: no colon after %s", p.key.Line, p.key.Value)
	}
	return end + 1, nil
}

// setList changes the entries that differ, and adds or removes at the end.
func (s yamlSource) setList(p pair, items []string) ([]edit, error) {
	if p.null() {
		return s.setPlain(p, flowList(items))
	}
	old := p.value.Content
	var edits []edit
	for i := range min(len(old), len(items)) {
		if old[i].Value == items[i] {
			continue
		}
		start, end, err := s.scalar(old[i])
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{start, end, quoteYAML(items[i], old[i].Style)})
	}
	resize := s.resizeBlock
	if p.value.Style&yaml.FlowStyle != 0 {
		resize = s.resizeFlow
	}
	more, err := resize(p, items)
	return append(edits, more...), err
}

func (s yamlSource) resizeFlow(p pair, items []string) ([]edit, error) {
	old := p.value.Content
	kept := min(len(old), len(items))
	var from int // the end of the last entry that stays, or of the bracket
	var err error
	if kept == 0 {
		from, err = s.offset(p.value)
		from++
	} else {
		_, from, err = s.scalar(old[kept-1])
	}
	if err != nil || len(old) == len(items) {
		return nil, err
	}
	if len(items) > kept {
		var b strings.Builder
		for i, item := range items[kept:] {
			if kept > 0 || i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoteYAML(item, style(old)))
		}
		return []edit{{from, from, b.String()}}, nil
	}
	if kept == 0 {
		if from, _, err = s.scalar(old[0]); err != nil {
			return nil, err
		}
	}
	_, to, err := s.scalar(old[len(old)-1])
	if err != nil {
		return nil, err
	}
	if bytes.ContainsRune(s.src[from:to], '#') {
		return nil, fmt.Errorf("line %d: a comment is among the entries of %s that would be removed: move it",
			p.value.Line, p.key.Value)
	}
	if kept == 0 { // a comma after the last entry would be left alone
		for i := to; i < len(s.src) && strings.IndexByte(" \t\r\n,", s.src[i]) >= 0; i++ {
			if s.src[i] == ',' {
				to = i + 1
			}
		}
	}
	return []edit{{from, to, ""}}, nil
}

func (s yamlSource) resizeBlock(p pair, items []string) ([]edit, error) {
	old := p.value.Content
	if len(old) == len(items) {
		return nil, nil
	}
	var prefix string
	lines := make([]int, len(old))
	for i, item := range old {
		start, _, err := s.scalar(item)
		if err != nil {
			return nil, err
		}
		lines[i] = s.line(start)
		prefix = string(s.src[s.lines[lines[i]]:start])
		if strings.TrimLeft(prefix, " ") != "- " && strings.TrimSpace(prefix) != "-" {
			return nil, fmt.Errorf("line %d: an entry of %s is not on a line of its own", item.Line, p.key.Value)
		}
	}
	if len(items) > len(old) {
		var b strings.Builder
		for _, item := range items[len(old):] {
			b.WriteString(s.newline() + prefix + quoteYAML(item, style(old)))
		}
		last := s.ends[lines[len(old)-1]]
		return []edit{{last, last, b.String()}}, nil
	}
	var edits []edit
	// each with the line break before it, and there is a key's line before the first
	for _, line := range lines[len(items):] {
		edits = append(edits, edit{s.ends[line-1], s.ends[line], ""})
	}
	if len(items) == 0 {
		colon, err := s.colon(p)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{colon, colon, " []"})
	}
	return edits, nil
}

// style is that of the last of the entries, which new ones take.
func style(items []*yaml.Node) yaml.Style {
	if len(items) == 0 {
		return 0
	}
	return items[len(items)-1].Style
}

func flowList(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quoteYAML(item, 0)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// insertAfter adds lines below the last line of an entry of a block mapping, indented like it.
func (s yamlSource) insertAfter(p pair, lines ...string) ([]edit, error) {
	indent, err := s.indent(p.key)
	if err != nil {
		return nil, err
	}
	end, err := s.end(p)
	if err != nil {
		return nil, err
	}
	at := s.ends[s.line(end)]
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(s.newline() + indent + line)
	}
	return []edit{{at, at, b.String()}}, nil
}

// insertBefore adds a line above the first entry of a block mapping.
func (s yamlSource) insertBefore(mapping *yaml.Node, line string) ([]edit, error) {
	if mapping.Style&yaml.FlowStyle != 0 || len(mapping.Content) == 0 {
		return nil, fmt.Errorf("line %d: cannot add %q to a mapping in braces: add it by hand", mapping.Line, line)
	}
	first := mapping.Content[0]
	indent, err := s.indent(first)
	if err != nil {
		return nil, err
	}
	at, err := s.offset(first)
	if err != nil {
		return nil, err
	}
	return []edit{{at, at, line + s.newline() + indent}}, nil
}

// indent is what stands before a key on its line: blanks, or a list's dash, for which blanks stand
// in.
func (s yamlSource) indent(key *yaml.Node) (string, error) {
	at, err := s.offset(key)
	if err != nil {
		return "", err
	}
	before := string(s.src[s.lines[s.line(at)]:at])
	if strings.Trim(before, " -") != "" {
		return "", fmt.Errorf("line %d: %s is not on a line of its own: add the missing keys by hand", key.Line,
			key.Value)
	}
	return strings.Repeat(" ", len(before)), nil
}

// end is where an entry's value ends.
func (s yamlSource) end(p pair) (int, error) {
	switch {
	case p.null() && p.value.Value == "":
		return s.colon(p)
	case p.value.Kind == yaml.ScalarNode:
		_, end, err := s.scalar(p.value)
		return end, err
	case p.value.Kind == yaml.SequenceNode && p.value.Style&yaml.FlowStyle == 0 && len(p.value.Content) > 0:
		_, end, err := s.scalar(p.value.Content[len(p.value.Content)-1])
		return end, err
	case p.value.Kind == yaml.SequenceNode:
		return s.bracket(p.value)
	}
	return 0, errors.New("a value ends at an unexpected place")
}

// bracket is the offset after the closing bracket of a list of scalars.
func (s yamlSource) bracket(list *yaml.Node) (int, error) {
	at, err := s.offset(list)
	at++
	if n := len(list.Content); err == nil && n > 0 {
		_, at, err = s.scalar(list.Content[n-1])
	}
	if err != nil {
		return 0, err
	}
	for ; at < len(s.src); at++ {
		switch s.src[at] {
		case ']':
			return at + 1, nil
		case '#':
			at = s.ends[s.line(at)] - 1
		}
	}
	return 0, fmt.Errorf("line %d: the list is not closed", list.Line)
}
