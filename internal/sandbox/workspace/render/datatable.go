package render

import (
	"encoding/json"
	"fmt"
)

// dataTable is a table with all of its rows. The page's script sorts and filters them, and shows one
// page at a time.
func (p *painter) dataTable(b map[string]any) {
	p.tables++
	caption := esc(word(b["caption"]))
	// Without these two fields, Slack shows pages of 5, and rows are named by the first column.
	size, naming := integer(b["page_size"], 5), integer(b["row_header_column_index"], 0)
	p.put(`<div class="datatable" data-table="%d" data-size="%d">`, p.tables, size)
	p.put(`<input type="search" placeholder="Filter" aria-label="Filter %s">`, caption)
	p.put(`<div class="scroll"><table><caption>%s</caption>`, caption)
	for r, row := range array(b["rows"]) {
		switch r {
		case 0:
			p.put(`<thead><tr>`)
		case 1:
			p.put(`<tbody><tr data-n="%d">`, r)
		default:
			p.put(`<tr data-n="%d">`, r)
		}
		for c, each := range array(row) {
			p.dataCell(object(each), r == 0, c, c == naming)
		}
		p.put(`</tr>`)
		if r == 0 {
			p.put(`</thead>`)
		}
	}
	p.put(`</tbody></table></div><div class="pages" role="group" aria-label="Pages of %s">`, caption)
	p.put(`<button type="button" class="button" data-turn="-1">Previous page</button>`)
	p.put(`<span role="status" data-keep></span>`)
	p.put(`<button type="button" class="button" data-turn="1">Next page</button></div></div>`)
}

// dataCell is a cell in a column: of the header, of the column that names the rows, or another one.
func (p *painter) dataCell(cell map[string]any, header bool, column int, name bool) {
	value := ""
	if n, ok := cell["value"].(json.Number); ok {
		value = fmt.Sprintf(` data-value="%s"`, esc(n.String()))
	}
	switch {
	case header:
		p.put(`<th scope="col"><button type="button" data-sort="%d">%s</button></th>`, column, p.cell(cell))
	case name:
		p.put(`<th scope="row"%s>%s</th>`, value, p.cell(cell))
	default:
		p.put(`<td%s>%s</td>`, value, p.cell(cell))
	}
}

// cell is what a cell shows.
func (p *painter) cell(c map[string]any) string {
	if c["type"] != "rich_text" {
		return esc(p.text.cellText(c))
	}
	inside := &painter{sheet: p.sheet, text: p.text}
	inside.rich(c)
	return inside.out.String()
}
