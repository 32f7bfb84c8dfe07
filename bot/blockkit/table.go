package blockkit

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Table is raw text in rows, in which nothing is markup. No cell is empty.
type Table struct {
	// Caption says what the rows are.
	Caption string
	// Rows begin with the header, and have the same length.
	Rows [][]string
	// Numbers sort a column by numbers instead of by its texts: by column, one for each row below
	// the header.
	Numbers map[int][]float64
}

// dataTablePage is how many rows a data table shows at once. Ten fit on a phone.
const dataTablePage = 10

// DataTable is a table that people sort, filter and page through. It is for messages and Home
// tabs, and has a fallback in [Simplify]. The caller keeps to [MaxDataTableRows] and
// [MaxDataTableText].
func DataTable(t Table) *slack.DataTableBlock {
	block := slack.NewDataTableBlock(nonEmpty(t.Caption)).WithPageSize(dataTablePage)
	for r, row := range t.Rows {
		cells := make([]slack.DataTableCell, len(row))
		for c, text := range row {
			if numbers := t.Numbers[c]; r > 0 && numbers != nil {
				cells[c] = slack.NewDataTableRawNumberCell(numbers[r-1]).WithText(text)
			} else {
				cells[c] = slack.NewDataTableRawTextCell(text)
			}
		}
		block.AddRow(cells...)
	}
	return block
}

// PlainTable is a table that people can only read. It is for messages, and private answers.
func PlainTable(rows [][]string) *slack.TableBlock {
	wrapped := slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: true}
	table := slack.NewTableBlock("").WithColumnSettings(slices.Repeat([]slack.ColumnSetting{wrapped}, len(rows[0]))...)
	for _, row := range rows {
		cells := make([]slack.TableCell, len(row))
		for n, text := range row {
			cells[n] = slack.NewTableRawTextCell(text)
		}
		table.AddRow(cells...)
	}
	return table
}

// PlainRows is how many rows below the header a table shows that cannot be paged through.
const PlainRows = 30

// plainTable is a data table as [PlainTable]. It has the first [PlainRows] rows, or fewer if these
// weigh more than there is room for, see [Weight], and says how many are left out.
func plainTable(data slack.DataTableBlock, room int) *slack.TableBlock {
	const tableWeight, cellWeight = 500, 32 // beside the texts
	room -= tableWeight
	rows := [][]string{}
	for i, each := range data.Rows {
		row := make([]string, len(each))
		for n, cell := range each {
			row[n] = cellText(cell)
			encoded, _ := json.Marshal(row[n]) // a string is always encoded
			room -= utf8.RuneCount(encoded) + cellWeight
		}
		if i > PlainRows || room < 0 {
			more := slices.Repeat([]string{"–"}, len(row))
			more[0] = fmt.Sprintf("… and %d more", len(data.Rows)-i)
			rows = append(rows, more)
			break
		}
		rows = append(rows, row)
	}
	return PlainTable(rows)
}

func cellText(cell slack.DataTableCell) string {
	switch cell := cell.(type) {
	case *slack.DataTableRawTextCell:
		return cell.Text
	case *slack.DataTableRawNumberCell:
		return cell.Text
	}
	return "–"
}
