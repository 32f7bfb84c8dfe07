package render

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	angled   = regexp.MustCompile(`<([^<>\n]+)>`)
	entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	fence    = regexp.MustCompile("(?s)```\n?(.*?)\n?```")
	// emphasis is a marker pair around text that neither begins nor ends with a space, at the
	// edge of words.
	emphasis = map[byte]*regexp.Regexp{
		'*': regexp.MustCompile(`(^|[\s(\[>;"'_~—–-])\*([^\s*](?:[^*\n]*[^\s*])?)\*($|[\s)\]<&"'.,:;!?_~—–-])`),
		'_': regexp.MustCompile(`(^|[\s(\[>;"'*~—–-])_([^\s_](?:[^_\n]*[^\s_])?)_($|[\s)\]<&"'.,:;!?*~—–-])`),
		'~': regexp.MustCompile(`(^|[\s(\[>;"'*_—–-])~([^\s~](?:[^~\n]*[^\s~])?)~($|[\s)\]<&"'.,:;!?*_—–-])`),
	}
)

// reference is what stands in angle brackets in Slack's text:
// docs.slack.dev/messaging/formatting-message-text.
type reference struct {
	text, url string
	// mention says that it names someone or something of the workspace.
	mention bool
}

func (n Names) reference(inside string) reference {
	target, label, labelled := strings.Cut(inside, "|")
	label = entities.Replace(label)
	switch {
	case strings.HasPrefix(target, "@"):
		return reference{text: "@" + n.of(target[1:]), mention: true}
	case strings.HasPrefix(target, "#"):
		return reference{text: "#" + n.of(target[1:]), mention: true}
	case strings.HasPrefix(target, "!subteam^"):
		return reference{text: "@" + n.of(strings.TrimPrefix(target, "!subteam^")), mention: true}
	case strings.HasPrefix(target, "!date^"):
		parts := strings.SplitN(target, "^", 4)
		if seconds, err := strconv.ParseInt(parts[1], 10, 64); err == nil && len(parts) >= 3 {
			r := reference{text: Date(seconds, parts[2])}
			if len(parts) == 4 {
				r.url = parts[3]
			}
			return r
		}
		return reference{text: label}
	case strings.HasPrefix(target, "!"):
		return reference{text: "@" + target[1:], mention: true}
	case labelled:
		return reference{text: label, url: entities.Replace(target)}
	}
	return reference{text: strings.TrimPrefix(entities.Replace(target), "mailto:"), url: entities.Replace(target)}
}

// Date writes a moment with Slack's date tokens, in UTC.
func Date(seconds int64, format string) string {
	t := time.Unix(seconds, 0).UTC()
	const long = "Monday, January 2, 2006"
	return strings.NewReplacer(
		"{date_num}", t.Format("2006-01-02"),
		"{date}", t.Format("January 2, 2006"),
		"{date_short}", t.Format("Jan 2, 2006"),
		"{date_long}", t.Format(long),
		"{date_pretty}", t.Format("January 2, 2006"),
		"{date_short_pretty}", t.Format("Jan 2, 2006"),
		"{date_long_pretty}", t.Format(long),
		"{time}", t.Format("15:04"),
		"{time_secs}", t.Format("15:04:05"),
		"{ago}", "at "+t.Format("15:04"),
	).Replace(format)
}

// Plain turns mrkdwn into plain text: marks go, references become readable, code blocks are
// indented.
func (n Names) Plain(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range fence.FindAllStringSubmatchIndex(text, -1) {
		before := n.inline(text[last:at[0]])
		out.WriteString(before)
		if before != "" && !strings.HasSuffix(before, "\n") {
			out.WriteString("\n")
		}
		for line := range strings.SplitSeq(n.references(text[at[2]:at[3]]), "\n") {
			out.WriteString("    " + line + "\n")
		}
		last = at[1]
		if last < len(text) && text[last] == '\n' {
			last++
		}
	}
	out.WriteString(n.inline(text[last:]))
	return strings.TrimRight(out.String(), "\n")
}

func (n Names) inline(text string) string {
	for _, mark := range []byte{'*', '_', '~'} {
		// Twice, since neighbours share the character between them.
		for range 2 {
			text = emphasis[mark].ReplaceAllString(text, "$1$2$3")
		}
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if rest, ok := strings.CutPrefix(l, "&gt;"); ok {
			lines[i] = "│ " + strings.TrimPrefix(rest, " ")
		} else if rest, ok := strings.CutPrefix(l, ">"); ok {
			lines[i] = "│ " + strings.TrimPrefix(rest, " ")
		}
	}
	return n.references(strings.Join(lines, "\n"))
}

func (n Names) references(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range angled.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(Emoji(entities.Replace(text[last:at[0]])))
		r := n.reference(text[at[2]:at[3]])
		out.WriteString(r.text)
		if r.url != "" && r.url != r.text && !strings.HasSuffix(r.url, r.text) {
			out.WriteString(" (" + r.url + ")")
		}
		last = at[1]
	}
	out.WriteString(Emoji(entities.Replace(text[last:])))
	return out.String()
}

var shortcode = regexp.MustCompile(`:([a-z0-9_+-]+):`)

// Emoji replaces the short names that bots commonly write; others stay as they are, as Slack
// leaves unknown ones.
func Emoji(text string) string {
	return shortcode.ReplaceAllStringFunc(text, func(s string) string {
		if e, ok := emoji[strings.Trim(s, ":")]; ok {
			return e
		}
		return s
	})
}

var emoji = map[string]string{
	"white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌", "warning": "⚠️", "hourglass": "⌛",
	"hourglass_flowing_sand": "⏳", "rocket": "🚀",
	"tada": "🎉", "lock": "🔒", "unlock": "🔓", "key": "🔑", "bell": "🔔",
	"eyes": "👀", "memo": "📝", "link": "🔗", "globe_with_meridians": "🌐",
	"red_circle": "🔴", "large_green_circle": "🟢", "large_yellow_circle": "🟡", "large_blue_circle": "🔵",
	"white_circle":  "⚪",
	"no_entry":      "⛔",
	"no_entry_sign": "🚫", "octagonal_sign": "🛑", "construction": "🚧", "arrow_forward": "▶️", "pause_button": "⏸️",
	"repeat": "🔁", "mag": "🔍",
	"thumbsup": "👍", "+1": "👍", "thumbsdown": "👎", "-1": "👎", "wave": "👋",
	"information_source": "ℹ️", "bulb": "💡", "fire": "🔥", "snowflake": "❄️",
	"ice_cube": "🧊", "shield": "🛡️", "wrench": "🔧", "hammer_and_wrench": "🛠️", "package": "📦",
	"calendar": "📅", "clock3": "🕒", "alarm_clock": "⏰",
	"speech_balloon": "💬", "page_facing_up": "📄", "file_folder": "📁", "floppy_disk": "💾", "envelope": "✉️",
	"email": "📧", "house": "🏠", "star": "⭐",
	"rotating_light": "🚨", "question": "❓", "exclamation": "❗", "heavy_plus_sign": "➕", "heavy_minus_sign": "➖",
	"arrow_right": "➡️", "art": "🎨",
}
