package render

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"strings"
)

// Sheet is what an HTML rendering needs besides blocks.
type Sheet struct {
	Names Names
	// Picture returns the address that a Slack file is shown from; nil shows its description
	// only.
	Picture func(id, url string) string
	// ID makes the ids of inputs unique on a page: a message's or a view's.
	ID string
	// State is what is entered, as JSON of values[block_id][action_id]; Errors are shown at input
	// blocks, by block_id.
	State  []byte
	Errors map[string]string
}

// HTML renders blocks as Slack shows them, with the classes of the page's style sheet. Buttons and
// inputs are real ones: data-target is "block_id/action_id" and data-kind is the element's type.
func HTML(blocks []byte, s Sheet) template.HTML {
	p := &painter{sheet: s, text: &printer{names: s.Names, max: 1 << 16}}
	_ = json.Unmarshal(s.State, &p.text.state) // Without a state, inputs show their placeholders.
	for _, b := range decode(blocks) {
		p.block(object(b))
	}
	return template.HTML(p.out.String()) //nolint:gosec // Every text in it went through escaping.
}

// Paragraph renders mrkdwn, such as a message's text without blocks.
func Paragraph(mrkdwn string, n Names) template.HTML {
	return template.HTML(
		`<div class="section"><div class="grow">` + n.HTML(mrkdwn) + `</div></div>`,
	) //nolint:gosec // HTML escapes.
}

type painter struct {
	sheet Sheet
	text  *printer
	out   strings.Builder
	// tables counts the data tables.
	tables int
}

func esc(s string) string { return html.EscapeString(s) }

func (p *painter) put(format string, args ...any) { fmt.Fprintf(&p.out, format, args...) }

// words is a text object as HTML.
func (p *painter) words(v any) string {
	s, mrkdwn := textOf(v)
	if mrkdwn {
		return p.sheet.Names.HTML(s)
	}
	return strings.ReplaceAll(esc(Emoji(s)), "\n", "<br>")
}

func (p *painter) block(b map[string]any) {
	switch b["type"] {
	case "header":
		p.put(`<h3 class="header">%s</h3>`, p.words(b["text"]))
	case "section":
		p.section(b)
	case "divider":
		p.put(`<hr class="divider">`)
	case "context":
		p.put(`<div class="context">`)
		for _, e := range array(b["elements"]) {
			if object(e)["type"] == "image" {
				p.image(object(e), "tiny")
			} else {
				p.put(`<span>%s</span>`, p.words(e))
			}
		}
		p.put(`</div>`)
	case "actions", "context_actions":
		p.put(`<div class="actions">`)
		for _, e := range array(b["elements"]) {
			p.element(b, object(e))
		}
		p.put(`</div>`)
	case "input":
		p.input(b)
	case "image":
		if t := p.words(b["title"]); t != "" {
			p.put(`<div class="imagetitle">%s</div>`, t)
		}
		p.image(b, "picture")
	case "rich_text":
		p.rich(b)
	case "plan":
		p.plan(b)
	case "task_card":
		p.put(`<div class="plan">`)
		p.task(b)
		p.put(`</div>`)
	case "table":
		p.table(b)
	case "data_table":
		p.dataTable(b)
	case "alert":
		p.put(`<div class="alert %s">%s</div>`, esc(word(b["level"])), p.words(b["text"]))
	case "markdown":
		p.put(
			`<div class="section"><div class="grow">%s</div></div>`,
			strings.ReplaceAll(esc(word(b["text"])), "\n", "<br>"),
		)
	case "container":
		p.put(
			`<div class="box"><div class="boxtitle">%s</div><div class="context">%s</div>`,
			p.words(b["title"]),
			p.words(b["subtitle"]),
		)
		for _, c := range array(b["child_blocks"]) {
			p.block(object(c))
		}
		p.put(`</div>`)
	case "card":
		p.put(
			`<div class="box"><div class="boxtitle">%s</div><div class="context">%s</div>`+
				`<div>%s</div><div class="context">%s</div><div class="actions">`,
			p.words(b["title"]),
			p.words(b["subtitle"]),
			p.words(b["body"]),
			p.words(b["subtext"]),
		)
		for _, e := range array(b["actions"]) {
			p.element(b, object(e))
		}
		p.put(`</div></div>`)
	case "carousel":
		for _, c := range array(b["elements"]) {
			p.block(object(c))
		}
	default:
		p.put(`<div class="section">[%s]</div>`, esc(word(b["type"])))
	}
}

func (p *painter) section(b map[string]any) {
	p.put(`<div class="section"><div class="grow">`)
	if b["text"] != nil {
		p.put(`<div>%s</div>`, p.words(b["text"]))
	}
	if all := array(b["fields"]); len(all) > 0 {
		p.put(`<div class="fields">`)
		for _, f := range all {
			p.put(`<div>%s</div>`, p.words(f))
		}
		p.put(`</div>`)
	}
	p.put(`</div>`)
	if e := object(b["accessory"]); e != nil {
		p.put(`<div class="accessory">`)
		p.element(b, e)
		p.put(`</div>`)
	}
	p.put(`</div>`)
}

func (p *painter) image(b map[string]any, class string) {
	src := word(b["image_url"])
	if f := object(b["slack_file"]); f != nil && p.sheet.Picture != nil {
		src = p.sheet.Picture(word(f["id"]), word(f["url"]))
	}
	p.put(`<img class="%s" src="%s" alt="%s">`, class, esc(src), esc(word(b["alt_text"])))
}

func (p *painter) plan(b map[string]any) {
	p.put(`<div class="plan"><div class="plantitle">%s</div>`, esc(word(b["title"])))
	for _, t := range array(b["tasks"]) {
		p.task(object(t))
	}
	p.put(`</div>`)
}

func (p *painter) task(b map[string]any) {
	p.put(
		`<div class="task"><span class="status %s"></span><div class="grow">%s`,
		esc(word(b["status"])),
		esc(word(b["title"])),
	)
	for _, name := range []string{"details", "output"} {
		if rich := object(b[name]); rich != nil {
			p.put(`<div class="taskbody">`)
			p.rich(rich)
			p.put(`</div>`)
		}
	}
	for _, s := range array(b["sources"]) {
		p.put(`<a class="source" href="%s">%s</a>`, safeURL(word(object(s)["url"])), esc(word(object(s)["text"])))
	}
	p.put(`</div></div>`)
}

func (p *painter) table(b map[string]any) {
	p.put(`<div class="scroll"><table>`)
	settings := array(b["column_settings"])
	for r, row := range array(b["rows"]) {
		tag := "td"
		if r == 0 {
			tag = "th"
		}
		p.put(`<tr>`)
		for i, c := range array(row) {
			class := ""
			if i < len(settings) {
				class = word(object(settings[i])["align"])
				if object(settings[i])["is_wrapped"] == true {
					class += " wrapped"
				}
			}
			p.put(`<%s class="%s">%s</%s>`, tag, esc(class), p.cell(object(c)), tag)
		}
		p.put(`</tr>`)
	}
	p.put(`</table></div>`)
}
