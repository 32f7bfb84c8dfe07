package render

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Icons of a task's status.
var taskIcons = map[string]string{"pending": "…", "in_progress": "▶", "complete": "✔", "error": "✖", "": "•"}

var alertIcons = map[string]string{"": "ℹ", "default": "ℹ", "info": "ℹ", "warning": "⚠", "error": "✖", "success": "✔"}

// Text renders blocks as plain text whose lines take at most max cells. state holds what is
// entered in inputs, as JSON of values[block_id][action_id]; it may be empty.
func Text(blocks, state []byte, names Names, max int) string {
	t := &printer{names: names, max: atLeast(max, 16)}
	_ = json.Unmarshal(state, &t.state) // Without a state, inputs show their initial values.
	return strings.Join(t.blocks(decode(blocks)), "\n")
}

// Plain renders mrkdwn as plain text whose lines take at most max cells.
func Plain(mrkdwn string, names Names, max int) string {
	return strings.Join(wrap(names.Plain(mrkdwn), max), "\n")
}

type printer struct {
	names Names
	max   int
	state map[string]map[string]map[string]any
}

func (t *printer) inside(by int) *printer { return &printer{t.names, atLeast(t.max-by, 12), t.state} }

func (t *printer) text(v any) []string {
	s, mrkdwn := textOf(v)
	if s == "" {
		return nil
	}
	if mrkdwn {
		return wrap(t.names.Plain(s), t.max)
	}
	return wrap(Emoji(s), t.max)
}

func (t *printer) blocks(all []any) []string {
	var lines []string
	for _, v := range all {
		lines = append(lines, t.block(object(v))...)
	}
	return lines
}

func (t *printer) block(b map[string]any) []string {
	switch b["type"] {
	case "header":
		lines := t.text(b["text"])
		longest := 0
		for _, l := range lines {
			longest = max(longest, columns(l))
		}
		return append(lines, strings.Repeat("═", longest))
	case "section":
		return t.section(b)
	case "divider":
		return []string{strings.Repeat("─", t.max)}
	case "context":
		var parts []string
		for _, e := range array(b["elements"]) {
			if s, mrkdwn := textOf(e); mrkdwn {
				parts = append(parts, t.names.Plain(s))
			} else if s != "" {
				parts = append(parts, Emoji(s))
			}
		}
		return indent(wrap(strings.Join(parts, "  "), t.max-2), "· ", "  ")
	case "actions", "context_actions":
		return wrapTokens(t.elements(b), t.max)
	case "input":
		return t.input(b)
	case "image":
		return wrap("[image: "+word(b["alt_text"])+"]", t.max)
	case "rich_text":
		return t.rich(array(b["elements"]))
	case "plan":
		lines := wrap(word(b["title"]), t.max)
		for _, task := range array(b["tasks"]) {
			lines = append(lines, t.task(object(task))...)
		}
		return lines
	case "task_card":
		return t.task(b)
	case "table", "data_table":
		var lines []string
		if c := word(b["caption"]); c != "" {
			lines = wrap(c, t.max)
		}
		return append(lines, t.table(b)...)
	case "alert":
		return indent(t.inside(2).text(b["text"]), alertIcons[word(b["level"])]+" ", "  ")
	case "markdown":
		return wrap(strings.ReplaceAll(word(b["text"]), "**", ""), t.max)
	case "container":
		lines := t.text(b["title"])
		if rich := object(b["rich_text_title"]); rich != nil {
			lines = t.rich(array(rich["elements"]))
		}
		lines = append(lines, t.text(b["subtitle"])...)
		return append(lines, indent(t.inside(2).blocks(array(b["child_blocks"])), "  ", "  ")...)
	case "card":
		var lines []string
		for _, name := range []string{"title", "subtitle", "body", "subtext"} {
			lines = append(lines, t.text(b[name])...)
		}
		return append(lines, wrapTokens(t.elements(b), t.max)...)
	case "carousel":
		return t.blocks(array(b["elements"]))
	}
	return []string{fmt.Sprintf("[%s]", word(b["type"]))}
}

func (t *printer) section(b map[string]any) []string {
	lines := t.text(b["text"])
	lines = append(lines, t.fields(array(b["fields"]))...)
	if e := object(b["accessory"]); e != nil {
		face := t.element(b, e)
		if n := len(lines); n == 1 && columns(lines[0])+2+columns(face) <= t.max {
			lines[0] = pad(lines[0], t.max-columns(face), false) + face
		} else {
			lines = append(lines, face)
		}
	}
	return lines
}

// fields stand in two columns where there is room, as on a desktop.
func (t *printer) fields(all []any) []string {
	if len(all) == 0 {
		return nil
	}
	var lines []string
	if t.max < 60 {
		for _, f := range all {
			lines = append(lines, t.text(f)...)
		}
		return lines
	}
	half := &printer{t.names, t.max/2 - 1, t.state}
	for i := 0; i < len(all); i += 2 {
		left := half.text(all[i])
		var right []string
		if i+1 < len(all) {
			right = half.text(all[i+1])
		}
		for j := range max(len(left), len(right)) {
			l, r := "", ""
			if j < len(left) {
				l = left[j]
			}
			if j < len(right) {
				r = right[j]
			}
			lines = append(lines, strings.TrimRight(pad(l, t.max/2, false)+r, " "))
		}
	}
	return lines
}

func (t *printer) elements(b map[string]any) []string {
	var faces []string
	all := array(b["elements"])
	if b["type"] == "card" {
		all = array(b["actions"])
	}
	for _, v := range all {
		faces = append(faces, t.element(b, object(v)))
	}
	return faces
}

// element shows an interactive element on one line: buttons as [Text], menus with what is chosen.
func (t *printer) element(b, e map[string]any) string {
	text, _ := textOf(e["text"])
	placeholder, _ := textOf(e["placeholder"])
	switch kind := word(e["type"]); kind {
	case "button", "workflow_button", "icon_button":
		return "[" + Emoji(text) + "]"
	case "feedback_buttons":
		yes, _ := textOf(object(e["positive_button"])["text"])
		no, _ := textOf(object(e["negative_button"])["text"])
		return "[" + yes + "] [" + no + "]"
	case "image":
		return "[image: " + word(e["alt_text"]) + "]"
	case "overflow":
		return "[⋮]"
	case "checkboxes", "radio_buttons":
		on, off := "[x] ", "[ ] "
		if kind == "radio_buttons" {
			on, off = "(•) ", "( ) "
		}
		chosen := t.chosen(b, e)
		var all []string
		for _, o := range array(e["options"]) {
			label, mrkdwn := textOf(object(o)["text"])
			mark := off
			for _, c := range chosen {
				if c == label {
					mark = on
				}
			}
			if mrkdwn {
				label = t.names.Plain(label)
			}
			if d, _ := textOf(object(o)["description"]); d != "" {
				label += " — " + d
			}
			all = append(all, mark+label)
		}
		return strings.Join(all, "\n")
	case "plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input":
		if c := t.chosen(b, e); len(c) > 0 {
			return "‹" + strings.Join(c, "") + "›"
		}
		return "‹" + placeholder + "›"
	default:
		face := placeholder
		if c := t.chosen(b, e); len(c) > 0 {
			face = strings.Join(c, ", ")
		}
		if kind == "file_input" {
			return "[Upload: " + face + "]"
		}
		return "[" + face + " ▾]"
	}
}

// chosen lists what is entered or chosen in an element.
func (t *printer) chosen(b, e map[string]any) []string {
	entry := t.state[word(b["block_id"])][word(e["action_id"])]
	var all []string
	add := func(v any) {
		switch v := v.(type) {
		case string:
			all = append(all, t.names.of(v))
		case float64:
			all = append(all, Date(int64(v), "{date_num} {time}"))
		case map[string]any:
			if s, _ := textOf(v["text"]); s != "" {
				all = append(all, s)
			} else if name := word(v["name"]); name != "" {
				all = append(all, name)
			} else if v["type"] == "rich_text" {
				all = append(all, strings.Join(t.rich(array(v["elements"])), "\n"))
			}
		}
	}
	for field, v := range entry {
		if field == "type" {
			continue
		}
		if many, ok := v.([]any); ok {
			for _, one := range many {
				add(one)
			}
		} else {
			add(v)
		}
	}
	return all
}

func (t *printer) input(b map[string]any) []string {
	label, _ := textOf(b["label"])
	if b["optional"] == true {
		label += " (optional)"
	}
	lines := wrap(Emoji(label), t.max)
	e := object(b["element"])
	lines = append(lines, indent(wrap(t.element(b, e), t.max-2), "  ", "  ")...)
	if hint, _ := textOf(b["hint"]); hint != "" {
		lines = append(lines, indent(wrap(Emoji(hint), t.max-4), "  ↳ ", "    ")...)
	}
	return lines
}

func (t *printer) task(b map[string]any) []string {
	in := t.inside(2)
	lines := indent(wrap(word(b["title"]), in.max), taskIcons[word(b["status"])]+" ", "  ")
	for _, name := range []string{"details", "output"} {
		if rich := object(b[name]); rich != nil {
			lines = append(lines, indent(t.inside(4).rich(array(rich["elements"])), "    ", "    ")...)
		}
	}
	for _, s := range array(b["sources"]) {
		lines = append(
			lines,
			indent(wrap(word(object(s)["text"])+" ("+word(object(s)["url"])+")", t.max-4), "    ", "    ")...)
	}
	return lines
}

// wrapTokens puts whole tokens on lines.
func wrapTokens(tokens []string, max int) []string {
	var lines []string
	current := ""
	for _, tok := range tokens {
		switch {
		case strings.Contains(tok, "\n"):
			if current != "" {
				lines = append(lines, current)
			}
			lines = append(lines, strings.Split(tok, "\n")...)
			current = ""
		case current == "":
			current = tok
		case columns(current)+1+columns(tok) <= max:
			current += " " + tok
		default:
			lines = append(lines, current)
			current = tok
		}
	}
	if current != "" {
		lines = append(lines, current)
	}
	return lines
}
