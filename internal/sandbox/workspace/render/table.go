package render

import (
	"encoding/json"
	"strings"
)

// cellText is what one table cell shows.
func (t *printer) cellText(c map[string]any) string {
	if c["type"] == "rich_text" {
		return strings.Join((&printer{t.names, 1 << 20, nil}).rich(array(c["elements"])), "\n")
	}
	if text := word(c["text"]); text != "" {
		return text
	}
	if n, ok := c["value"].(json.Number); ok {
		return n.String()
	}
	return ""
}

// table renders rows in columns that fit: what is too wide is wrapped, the widest column first.
func (t *printer) table(b map[string]any) []string {
	var rows [][]string
	var widths []int
	for _, r := range array(b["rows"]) {
		var row []string
		for i, c := range array(r) {
			text := t.cellText(object(c))
			row = append(row, text)
			for len(widths) <= i {
				widths = append(widths, 1)
			}
			for line := range strings.SplitSeq(text, "\n") {
				widths[i] = max(widths[i], columns(line))
			}
		}
		rows = append(rows, row)
	}
	const gap = 2
	for total(widths)+gap*(len(widths)-1) > t.max {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= 4 {
			break
		}
		widths[widest]--
	}
	settings := array(b["column_settings"])
	var lines []string
	for r, row := range rows {
		wrapped := make([][]string, len(row))
		height := 1
		for i, text := range row {
			wrapped[i] = wrap(text, widths[i])
			height = max(height, len(wrapped[i]))
		}
		for j := range height {
			var line strings.Builder
			for i := range row {
				part := ""
				if j < len(wrapped[i]) {
					part = wrapped[i][j]
				}
				right := i < len(settings) && object(settings[i])["align"] == "right"
				line.WriteString(pad(part, widths[i], right))
				if i < len(row)-1 {
					line.WriteString(strings.Repeat(" ", gap))
				}
			}
			lines = append(lines, strings.TrimRight(line.String(), " "))
		}
		if r == 0 {
			lines = append(lines, strings.Repeat("─", min(t.max, total(widths)+gap*(len(widths)-1))))
		}
	}
	return lines
}

func total(all []int) int {
	n := 0
	for _, i := range all {
		n += i
	}
	return n
}
