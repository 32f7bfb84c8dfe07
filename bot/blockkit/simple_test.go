package blockkit_test

import (
	"encoding/json"
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
	long := slack.NewRichTextBlock("", slack.NewRichTextSection(
		slack.NewRichTextSectionTextElement(strings.Repeat("x", 7000), nil)))
	if simple := blockkit.Simplify([]slack.Block{long}, blockkit.OldestBlocks); len(simple) != 3 {
		t.Errorf("7,000 characters take %d sections", len(simple))
	}
}
