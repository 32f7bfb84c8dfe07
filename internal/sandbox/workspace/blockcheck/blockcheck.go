// Package blockcheck checks Block Kit JSON as strictly as Slack does when it receives it: allowed
// and required properties, types, limits, surfaces and uniqueness, with Slack's own wording and
// JSON pointers. It judges raw JSON, so that what a client library would silently repair or drop
// is still seen. It neither renders nor stores blocks, and knows no workspace.
//
// The rules come from https://docs.slack.dev/reference/block-kit/blocks, /block-elements and
// /composition-objects; where those pages and live Slack disagree, the stricter reading holds.
// Block types that an app cannot post by itself (file, call) or that need a scope and a domain
// beyond a bot's (video, data_visualization) count as unsupported.
package blockcheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Surface is where blocks are to be shown.
type Surface string

// The surfaces that Slack has.
const (
	Message Surface = "message"
	Modal   Surface = "modal"
	Home    Surface = "home"
)

// Options are the circumstances under which blocks are judged. The zero value is a current
// workspace without files.
type Options struct {
	// Unsupported names block types this workspace refuses, as one that has not been given the
	// newest blocks does.
	Unsupported []string
	// SlackFile reports whether the poster may show the file with this id or URL; nil refuses
	// every slack_file.
	SlackFile func(id, url string) bool
}

// Problem is one reason why Slack would refuse.
type Problem struct {
	// Text is Slack's wording, such as "must be less than 151 characters".
	Text string
	// Pointer is the JSON pointer of RFC 6901 to the offending value, such as
	// "/blocks/0/text/text".
	Pointer string
}

// String writes the problem as Slack does in errors and response_metadata.messages.
func (p Problem) String() string { return fmt.Sprintf("%s [json-pointer:%s]", p.Text, p.Pointer) }

// ErrFormat means that the value is not JSON, or not of the type that is needed at its root
// (Slack: invalid_blocks_format).
var ErrFormat = errors.New("not a JSON value of the needed type")

// Decode parses JSON with its numbers kept as written, and refuses anything after the value.
func Decode(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one value", ErrFormat)
	}
	return v, nil
}

// Blocks judges the blocks of a message and returns them decoded. The error is ErrFormat;
// problems are reported apart.
func Blocks(raw []byte, o Options) ([]any, []Problem, error) {
	v, err := Decode(raw)
	if err != nil {
		return nil, nil, err
	}
	blocks, ok := v.([]any)
	if !ok {
		return nil, nil, fmt.Errorf("%w: blocks must be an array", ErrFormat)
	}
	c := newChecker(Message, o)
	c.blocks("/blocks", blocks)
	c.totals("/blocks")
	return blocks, c.problems, nil
}

// View judges a modal or a Home tab and returns it decoded. surface is the one that the method
// can show: views.open shows modals only, views.publish Home tabs only.
func View(raw []byte, surface Surface, o Options) (map[string]any, []Problem, error) {
	v, err := Decode(raw)
	if err != nil {
		return nil, nil, err
	}
	view, ok := v.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("%w: view must be an object", ErrFormat)
	}
	c := newChecker(surface, o)
	if surface == Home {
		homeView(c, "/view", view)
	} else {
		modalView(c, "/view", view)
	}
	c.totals("/view/blocks")
	if len(c.problems) > 0 {
		c.problems = append([]Problem{{"failed to match all allowed schemas", "/view"}}, c.problems...)
	}
	return view, c.problems, nil
}

// OptionsAnswer judges what an app answers to a block_suggestion: options or option_groups, at
// most 100.
func OptionsAnswer(raw []byte) (map[string]any, []Problem, error) {
	v, err := Decode(raw)
	if err != nil {
		return nil, nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("%w: options must come in an object", ErrFormat)
	}
	c := newChecker(Message, Options{})
	shape{fields: fields{"options": list(option(selectOption), 0, 100), "option_groups": list(optionGroup, 0, 100)},
		also: oneOf("options", "option_groups")}.check(c, "", m)
	return m, c.problems, nil
}
