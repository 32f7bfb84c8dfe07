package render

import (
	"net/url"
	"strings"
)

// safeURL is an address for an href: what a browser would run is left out.
func safeURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "mailto" {
		return "#"
	}
	return esc(s)
}

// HTML turns mrkdwn into HTML.
func (n Names) HTML(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range fence.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(n.lines(text[last:at[0]]))
		out.WriteString("<pre>" + n.links(text[at[2]:at[3]], false) + "</pre>")
		last = at[1]
		if last < len(text) && text[last] == '\n' {
			last++
		}
	}
	out.WriteString(n.lines(text[last:]))
	return out.String()
}

// lines renders text outside code blocks: quotes, and line breaks.
func (n Names) lines(text string) string {
	var out strings.Builder
	quoting := false
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		rest, quoted := strings.CutPrefix(line, "&gt;")
		if !quoted {
			rest, quoted = strings.CutPrefix(line, ">")
		}
		switch {
		case quoted && !quoting:
			out.WriteString("<blockquote>")
		case !quoted && quoting:
			out.WriteString("</blockquote>")
		case i > 0:
			out.WriteString("<br>")
		}
		quoting = quoted
		out.WriteString(n.spans(strings.TrimPrefix(rest, " ")))
	}
	if quoting {
		out.WriteString("</blockquote>")
	}
	return out.String()
}

// spans renders one line: inline code is left alone by the other marks.
func (n Names) spans(line string) string {
	var out strings.Builder
	parts := strings.Split(line, "`")
	for i, part := range parts {
		if i%2 == 1 && i < len(parts)-1 && part != "" {
			out.WriteString("<code>" + n.links(part, false) + "</code>")
			continue
		}
		if i%2 == 1 {
			out.WriteString("`")
		}
		s := n.links(part, true)
		for _, m := range []struct{ mark, tag string }{{"*", "b"}, {"_", "i"}, {"~", "s"}} {
			for range 2 { // Twice, since neighbours share the character between them.
				s = emphasis[m.mark[0]].ReplaceAllString(s, "$1<"+m.tag+">$2</"+m.tag+">$3")
			}
		}
		out.WriteString(s)
	}
	return out.String()
}

// links renders references; what Slack escaped is escaped here once and not twice.
func (n Names) links(text string, mentions bool) string {
	var out strings.Builder
	last := 0
	plain := func(s string) { out.WriteString(esc(Emoji(entities.Replace(s)))) }
	for _, at := range angled.FindAllStringSubmatchIndex(text, -1) {
		plain(text[last:at[0]])
		r := n.reference(text[at[2]:at[3]])
		switch {
		case r.url != "":
			out.WriteString(`<a href="` + safeURL(r.url) + `">` + esc(r.text) + `</a>`)
		case r.mention && mentions:
			out.WriteString(`<span class="mention">` + esc(r.text) + `</span>`)
		default:
			out.WriteString(esc(r.text))
		}
		last = at[1]
	}
	plain(text[last:])
	return out.String()
}

// rich renders a rich_text block.
func (p *painter) rich(b map[string]any) {
	for _, v := range array(b["elements"]) {
		e := object(v)
		switch e["type"] {
		case "rich_text_section":
			p.put(`<div class="rich">%s</div>`, p.leaves(e))
		case "rich_text_quote":
			p.put(`<blockquote>%s</blockquote>`, p.leaves(e))
		case "rich_text_preformatted":
			p.put(`<pre>%s</pre>`, strings.ReplaceAll(p.leaves(e), "<br>", "\n"))
		case "rich_text_list":
			tag := "ul"
			if e["style"] == "ordered" {
				tag = "ol"
			}
			p.put(`<%s style="margin-left:%dpx">`, tag, 24*integer(e["indent"], 0))
			for _, item := range array(e["elements"]) {
				p.put(`<li>%s</li>`, p.leaves(object(item)))
			}
			p.put(`</%s>`, tag)
		}
	}
}

func (p *painter) leaves(section map[string]any) string {
	var out strings.Builder
	for _, v := range array(section["elements"]) {
		e := object(v)
		s := strings.ReplaceAll(esc(p.sheet.Names.leaf(e)), "\n", "<br>")
		switch e["type"] {
		case "link":
			label := word(e["text"])
			if label == "" {
				label = word(e["url"])
			}
			s = `<a href="` + safeURL(word(e["url"])) + `">` + esc(label) + `</a>`
		case "user", "usergroup", "channel", "broadcast":
			s = `<span class="mention">` + s + `</span>`
		}
		style := object(e["style"])
		for _, mark := range []struct{ name, tag string }{
			{"code", "code"}, {"bold", "b"}, {"italic", "i"}, {"strike", "s"}, {"underline", "u"},
		} {
			if style[mark.name] == true {
				s = "<" + mark.tag + ">" + s + "</" + mark.tag + ">"
			}
		}
		out.WriteString(s)
	}
	return out.String()
}
