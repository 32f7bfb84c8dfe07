package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// inputTypes are the types of HTML inputs by the types of Block Kit's elements.
var inputTypes = map[string]string{
	"plain_text_input": "text",
	"email_text_input": "email",
	"url_text_input":   "url",
	"number_input":     "text",
	"datepicker":       "date",
	"timepicker":       "time",
	"datetimepicker":   "datetime-local",
	"file_input":       "file",
}

// field is an input as the page shows it.
type field struct {
	block, element map[string]any
	kind           string
	// attributes are those that every control of the input has.
	attributes string
	// chosen are the texts that are chosen, value the text that is entered.
	chosen []string
	value  string
}

// element renders one interactive element.
func (p *painter) element(b, e map[string]any) {
	switch kind := word(e["type"]); kind {
	case "button", "workflow_button", "icon_button":
		p.button(b, e, p.words(e["text"]), word(e["style"]))
	case "feedback_buttons":
		p.button(b, e, p.words(object(e["positive_button"])["text"]), "")
		p.button(b, e, p.words(object(e["negative_button"])["text"]), "")
	case "image":
		p.image(e, "thumb")
	default:
		p.control(p.field(b, e))
	}
}

// id is the HTML id of an element.
func (p *painter) id(b, e map[string]any) string {
	return esc(p.sheet.ID + "-" + word(b["block_id"]) + "-" + word(e["action_id"]))
}

// wiring are the attributes by which the page's script knows an element.
func (p *painter) wiring(b, e map[string]any) string {
	wiring := fmt.Sprintf(`data-target="%s/%s" data-kind="%s"`, esc(word(b["block_id"])), esc(word(e["action_id"])),
		esc(word(e["type"])))
	confirm := object(e["confirm"])
	if confirm == nil {
		return wiring
	}
	for _, name := range []string{"title", "text", "confirm", "deny"} {
		text, mrkdwn := textOf(confirm[name])
		if mrkdwn {
			text = p.sheet.Names.Plain(text)
		}
		wiring += fmt.Sprintf(` data-confirm-%s="%s"`, name, esc(Emoji(text)))
	}
	return wiring
}

func (p *painter) button(b, e map[string]any, face, style string) {
	label := ""
	if text := word(e["accessibility_label"]); text != "" {
		label = fmt.Sprintf(` aria-label="%s"`, esc(text))
	}
	p.put(`<button type="button" id="%s" class="button %s" %s%s>%s</button>`, p.id(b, e), esc(style), p.wiring(b, e),
		label, face)
}

func (p *painter) input(b map[string]any) {
	e := object(b["element"])
	optional := ""
	if b["optional"] == true {
		optional = ` <span class="optional">(optional)</span>`
	}
	group := e["type"] == "checkboxes" || e["type"] == "radio_buttons"
	if group {
		p.put(`<fieldset class="input"><legend class="label">%s%s</legend>`, p.words(b["label"]), optional)
	} else {
		p.put(`<div class="input"><label class="label" for="%s">%s%s</label>`, p.id(b, e), p.words(b["label"]),
			optional)
	}
	p.element(b, e)
	if text := p.sheet.Errors[word(b["block_id"])]; text != "" {
		p.put(`<div class="wrong" id="%s-wrong" role="alert">%s</div>`, p.id(b, e), esc(text))
	}
	if b["hint"] != nil {
		p.put(`<div class="hint" id="%s-hint">%s</div>`, p.id(b, e), p.words(b["hint"]))
	}
	if group {
		p.put(`</fieldset>`)
	} else {
		p.put(`</div>`)
	}
}

// field reads what a control needs. Inside an input block, a label names it; elsewhere its
// placeholder does.
func (p *painter) field(b, e map[string]any) field {
	f := field{block: b, element: e, kind: word(e["type"]), chosen: p.text.chosen(b, e)}
	entry := p.text.state[word(b["block_id"])][word(e["action_id"])]
	f.value = word(entry["value"])
	for _, name := range []string{"selected_date", "selected_time"} {
		if v := word(entry[name]); v != "" {
			f.value = v
		}
	}
	if seconds, ok := entry["selected_date_time"].(float64); ok {
		f.value = time.Unix(int64(seconds), 0).UTC().Format("2006-01-02T15:04")
	}
	if f.kind == "rich_text_input" {
		f.value = strings.Join(f.chosen, "\n")
	}
	f.attributes = p.wiring(b, e)
	if b["type"] != "input" {
		name, mrkdwn := textOf(e["placeholder"])
		if name == "" {
			name, mrkdwn = textOf(b["text"])
		}
		if mrkdwn {
			name = p.sheet.Names.Plain(name)
		}
		f.attributes += fmt.Sprintf(` aria-label="%s"`, esc(cmp.Or(name, "Choose")))
		return f
	}
	var described []string
	if p.sheet.Errors[word(b["block_id"])] != "" {
		f.attributes += ` aria-invalid="true"`
		described = append(described, p.id(b, e)+"-wrong")
	}
	if b["hint"] != nil {
		described = append(described, p.id(b, e)+"-hint")
	}
	if len(described) > 0 {
		f.attributes += fmt.Sprintf(` aria-describedby="%s"`, strings.Join(described, " "))
	}
	if b["optional"] != true {
		f.attributes += ` aria-required="true"`
	}
	return f
}

// control renders an input, a menu or choices.
func (p *painter) control(f field) {
	id, e := p.id(f.block, f.element), f.element
	placeholder, _ := textOf(e["placeholder"])
	// A fieldset has none of the attributes of single controls; its legend names it.
	switch {
	case f.kind == "checkboxes" || f.kind == "radio_buttons":
		p.choices(f)
	case f.kind == "overflow":
		p.menu(f, "⋯", array(e["options"]))
	case strings.HasSuffix(f.kind, "external_select"):
		least := integer(e["min_query_length"], 3) // the characters from which on it asks for options
		p.put(`<input type="text" class="field menu" id="%s" list="%s-list" autocomplete="off" value="%s" `+
			`placeholder="%s" data-least="%d" %s><datalist id="%s-list" data-keep></datalist>`,
			id, id, esc(strings.Join(f.chosen, ", ")), esc(placeholder), least, f.attributes, id)
	case strings.Contains(f.kind, "select"):
		options := array(e["options"])
		for _, group := range array(e["option_groups"]) {
			options = append(options, array(object(group)["options"])...)
		}
		if options == nil {
			options = p.places(f.kind)
		}
		p.menu(f, placeholder, options)
	case e["multiline"] == true || f.kind == "rich_text_input":
		p.put(`<textarea class="field tall" id="%s" rows="3" placeholder="%s" %s>%s</textarea>`, id, esc(placeholder),
			f.attributes, "\n"+esc(f.value))
	case f.kind == "file_input":
		p.put(`<input type="file" class="field" id="%s" multiple %s>`, id, f.attributes)
		if len(f.chosen) > 0 {
			p.put(`<div class="hint">%s</div>`, esc(strings.Join(f.chosen, ", ")))
		}
	default:
		p.put(`<input type="%s" class="field" id="%s" value="%s" placeholder="%s" autocomplete="off" %s>`,
			inputTypes[f.kind], id, esc(f.value), esc(placeholder), f.attributes)
	}
}

// places are the people, or the channels, as options.
func (p *painter) places(kind string) []any {
	prefixes := "CG"
	if strings.Contains(kind, "users") {
		prefixes = "UW"
	}
	var all []any
	for _, id := range slices.Sorted(maps.Keys(p.sheet.Names)) {
		if id != "" && strings.ContainsRune(prefixes, rune(id[0])) {
			all = append(all, map[string]any{"value": id, "text": map[string]any{"text": p.sheet.Names[id]}})
		}
	}
	return all
}

// menu renders a select. The value of an option is its text, and an id for people and channels.
func (p *painter) menu(f field, placeholder string, options []any) {
	byID := strings.Contains(f.kind, "users_") || strings.Contains(f.kind, "channels_") ||
		strings.Contains(f.kind, "conversations_")
	multiple := ""
	if strings.HasPrefix(f.kind, "multi_") {
		multiple = " multiple"
	}
	p.put(`<select class="field menu" id="%s"%s %s>`, p.id(f.block, f.element), multiple, f.attributes)
	if multiple == "" {
		p.put(`<option value="">%s</option>`, esc(placeholder))
	}
	for _, o := range options {
		text, _ := textOf(object(o)["text"])
		value, selected := text, ""
		if byID {
			value = word(object(o)["value"])
		}
		if slices.Contains(f.chosen, text) {
			selected = " selected"
		}
		p.put(`<option value="%s"%s>%s</option>`, esc(value), selected, esc(Emoji(text)))
	}
	p.put(`</select>`)
}

// choices renders checkboxes and radio buttons.
func (p *painter) choices(f field) {
	kind := "checkbox"
	if f.kind == "radio_buttons" {
		kind = "radio"
	}
	id := p.id(f.block, f.element)
	for i, o := range array(f.element["options"]) {
		text, _ := textOf(object(o)["text"])
		checked := ""
		if slices.Contains(f.chosen, text) {
			checked = " checked"
		}
		p.put(`<label class="choice"><input type="%s" id="%s-%d" name="%s" value="%s"%s %s><span>%s`, kind, id, i, id,
			esc(text), checked, p.wiring(f.block, f.element), p.words(object(o)["text"]))
		if d := p.words(object(o)["description"]); d != "" {
			p.put(`<span class="hint">%s</span>`, d)
		}
		p.put(`</span></label>`)
	}
}
