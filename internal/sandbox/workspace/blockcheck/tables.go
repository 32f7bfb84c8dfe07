package blockcheck

import "unicode/utf8"

var (
	rawText   = shape{fields: fields{"type": anything, "text": str(1, 0)}, required: []string{"text"}}
	rawNumber = shape{
		fields:   fields{"type": anything, "value": number, "text": str(1, 0)},
		required: []string{"value"},
	}
	richCell = shape{
		fields:   fields{"type": anything, "block_id": str(0, 255), "elements": list(richElement, 1, 0)},
		required: []string{"elements"},
	}
)

// cell judges one table cell and returns the characters that it shows.
func cell(c *checker, at string, v any, rich bool) int {
	m, t, ok := c.typed(at, v)
	if !ok {
		return 0
	}
	switch {
	case t == "raw_text":
		rawText.check(c, at, m)
	case t == "raw_number":
		rawNumber.check(c, at, m)
	case t == "rich_text" && rich:
		richCell.check(c, at, m)
		return RichTextLen(m)
	default:
		c.refuse(at+"/type", "unsupported type: %s", t)
	}
	s, _ := m["text"].(string)
	return utf8.RuneCountInString(s)
}

// rows judges a table's rows; header says whether rich text is refused in the first one.
func rows(minRows, maxRows int, header, equal bool, total *int) rule {
	return func(c *checker, at string, v any) {
		width := -1
		row := 0
		list(func(c *checker, at string, v any) {
			first := row == 0
			row++
			cells, ok := v.([]any)
			if !ok {
				c.refuse(at, "must provide an array")
				return
			}
			if len(cells) < 1 {
				c.refuse(at, "no fewer than 1 items allowed")
			}
			if len(cells) > 20 {
				c.refuse(at, "no more than 20 items allowed")
			}
			if width >= 0 && equal && len(cells) != width {
				c.refuse(at, "all rows must have the same number of cells")
			}
			width = len(cells)
			for i, v := range cells {
				*total += cell(c, item(at, i), v, !(header && first))
			}
		}, minRows, maxRows)(c, at, v)
	}
}

func table(c *checker, at string, v any) {
	column := func(c *checker, at string, v any) {
		if v == nil {
			return
		}
		shape{fields: fields{"align": enum("left", "center", "right"), "is_wrapped": boolean}}.check(c, at, v)
	}
	block(
		fields{"rows": rows(1, 100, false, true, &c.cells), "column_settings": list(column, 0, 20)},
		"rows",
	).check(c, at, v)
}

// dataTable takes the older page's 101 rows, the stricter of two readings.
func dataTable(c *checker, at string, v any) {
	columns := 20
	m, _ := v.(map[string]any)
	if all, _ := m["rows"].([]any); len(all) > 0 {
		header, _ := all[0].([]any)
		columns = max(1, len(header))
	}
	block(fields{"caption": str(1, 0), "rows": rows(2, 101, true, true, &c.data), "page_size": integer(1, 100),
		"row_header_column_index": integer(0, int64(columns-1))}, "caption", "rows").check(c, at, v)
}
