package blockkit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

func TestSimplifyKeepsTheWords(t *testing.T) {
	table := slack.NewTableBlock("")
	table.AddRow(slack.NewTableRawTextCell("Domain"), slack.NewTableRawTextCell("Days"))
	table.AddRow(slack.NewTableRawTextCell("a.example"), slack.NewTableRawTextCell("9"))
	blocks := []slack.Block{
		blockkit.Section("*One*"),
		slack.NewAlertBlock(blockkit.Plain("Two & two", blockkit.MaxAlert)),
		slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement("Th", nil),
			slack.NewRichTextSectionTextElement("ree <3>", nil)),
			slack.NewRichTextSection(slack.NewRichTextSectionTextElement("Four", nil))),
		table,
	}
	for _, c := range []struct {
		level blockkit.Simplicity
		types string
		words []string
	}{
		{blockkit.AnyBlocks, "section alert rich_text table", nil},
		{blockkit.NoNewBlocks, "section section rich_text section",
			[]string{"⚠️ Two &amp; two", `Domain · Days\na.example · 9`}},
		{blockkit.OldestBlocks, "section section section section",
			[]string{"⚠️ Two &amp; two", `Three &lt;3&gt;\nFour`, `Domain · Days\na.example · 9`}},
	} {
		simple := blockkit.Simplify(blocks, c.level)
		var types []string
		for _, block := range simple {
			types = append(types, string(block.BlockType()))
		}
		if got := strings.Join(types, " "); got != c.types {
			t.Errorf("level %d: %s", c.level, got)
		}
		var out strings.Builder
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(simple); err != nil {
			t.Fatal(err)
		}
		for _, word := range c.words {
			if !strings.Contains(out.String(), word) {
				t.Errorf("level %d: %q is not in %s", c.level, word, out.String())
			}
		}
	}
	data := blockkit.DataTable(blockkit.Table{Caption: "Sites",
		Rows: [][]string{{"Domain", "Days"}, {"a.example", "9"}}, Numbers: map[int][]float64{1: {9}}})
	for level, want := range map[blockkit.Simplicity]string{
		blockkit.AnyBlocks: "data_table", blockkit.NoDataTables: "table", blockkit.NoNewBlocks: "section",
	} {
		simple := blockkit.Simplify([]slack.Block{data}, level)
		encoded, err := json.Marshal(simple)
		if err != nil || len(simple) != 1 || string(simple[0].BlockType()) != want ||
			!strings.Contains(string(encoded), "a.example") {
			t.Errorf("level %d: %s, %v", level, encoded, err)
		}
	}
	long := slack.NewRichTextBlock("", slack.NewRichTextSection(
		slack.NewRichTextSectionTextElement(strings.Repeat("x", 7000), nil)))
	if simple := blockkit.Simplify([]slack.Block{long}, blockkit.OldestBlocks); len(simple) != 3 {
		t.Errorf("7,000 characters take %d sections", len(simple))
	}
}

// TestALongDataTableBecomesAShortTable has the first rows, and says how many are left out.
func TestALongDataTableBecomesAShortTable(t *testing.T) {
	rows := [][]string{{"Site", "Text"}}
	for range 100 {
		rows = append(rows, []string{"a.example", strings.Repeat("x", 90)})
	}
	for _, c := range []struct{ width, rows int }{{1, 32}, {90, 32}, {900, 13}} {
		for _, row := range rows[1:] {
			row[1] = strings.Repeat("x", c.width)
		}
		data := blockkit.DataTable(blockkit.Table{Caption: "Sites", Rows: rows})
		table, ok := blockkit.Simplify([]slack.Block{data}, blockkit.NoDataTables)[0].(*slack.TableBlock)
		if !ok || len(table.Rows) != c.rows || blockkit.Weight(table) > blockkit.MaxMessageWeight {
			t.Errorf("cells of %d: %d rows of weight %d", c.width, len(table.Rows), blockkit.Weight(table))
		}
		more, _ := table.Rows[len(table.Rows)-1][0].(*slack.TableRawTextCell)
		if want := fmt.Sprintf("… and %d more", 102-c.rows); more.Text != want {
			t.Errorf("the last row says %q, want %q", more.Text, want)
		}
	}
}
