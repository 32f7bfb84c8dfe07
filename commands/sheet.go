package commands

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
)

// sheet is a message or a view in the making. What is written on it goes into the blocks and, in the same words, into the text
// that notifications and screen readers use.
type sheet struct {
	blocks []slack.Block
	lines  []string
}

// say writes a paragraph of mrkdwn. What comes from people or machines is escaped before.
func (s *sheet) say(mrkdwn string) {
	s.blocks = append(s.blocks, blockkit.Section(mrkdwn))
	s.lines = append(s.lines, mrkdwn)
}

// note writes a line of small mrkdwn.
func (s *sheet) note(mrkdwn string) {
	s.blocks = append(s.blocks, blockkit.Context(mrkdwn))
	s.lines = append(s.lines, mrkdwn)
}

// parts writes literal text: each part's head in bold, its body as code.
func (s *sheet) parts(parts ...part) {
	var elements []slack.RichTextElement
	for _, part := range parts {
		if part.head != "" {
			elements = append(elements, bold(part.head))
			s.lines = append(s.lines, blockkit.Escape(part.head))
		}
		if part.body != "" {
			elements = append(elements, code(part.body))
			s.lines = append(s.lines, blockkit.Escape(part.body))
		}
	}
	if len(elements) > 0 {
		s.blocks = append(s.blocks, slack.NewRichTextBlock("", elements...))
	}
}

func bold(text string) *slack.RichTextSection {
	return slack.NewRichTextSection(slack.NewRichTextSectionTextElement(text, &slack.RichTextSectionTextStyle{Bold: true}))
}

func code(text string) *slack.RichTextPreformatted {
	return &slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(text, nil)}}
}

// buttons writes a row of buttons below an id, which says what they are about where their values do not.
func (s *sheet) buttons(blockID string, buttons ...*slack.ButtonBlockElement) {
	elements := make([]slack.BlockElement, len(buttons))
	for i, button := range buttons {
		elements[i] = button
	}
	s.blocks = append(s.blocks, slack.NewActionBlock(blockID, elements...))
}

// turns writes the buttons that lead from a page to its neighbours; the action ends with the number of the page.
func (s *sheet) turns(action, value string, number, count int) {
	var turns []*slack.ButtonBlockElement
	if number > 0 {
		turns = append(turns, blockkit.Button(action+strconv.Itoa(number-1), value, "← Page "+strconv.Itoa(number), ""))
	}
	if number < count-1 {
		turns = append(turns, blockkit.Button(action+strconv.Itoa(number+1), value, "Page "+strconv.Itoa(number+2)+" →", ""))
	}
	if len(turns) > 0 {
		s.buttons("pages", turns...)
	}
}

// table writes rows below a header. Its cells are raw text, in which nothing is markup.
func (s *sheet) table(rows [][]string) {
	wrapped := slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: true}
	table := slack.NewTableBlock("").WithColumnSettings(slices.Repeat([]slack.ColumnSetting{wrapped}, len(rows[0]))...)
	for i, row := range rows {
		cells := make([]slack.TableCell, len(row))
		for n, text := range row {
			cells[n] = slack.NewTableRawTextCell(text)
		}
		table.AddRow(cells...)
		if i > 0 {
			s.lines = append(s.lines, blockkit.Escape(strings.Join(row, " · ")))
		}
	}
	s.blocks = append(s.blocks, table)
}

// weight is the size of blocks in bytes of JSON, as [blockkit.MaxMessageWeight] counts, and what it counts for each block.
func weight(blocks []slack.Block) int {
	const each = 100
	encoded, err := json.Marshal(blocks)
	if err != nil {
		return blockkit.MaxMessageWeight
	}
	return len(encoded) + each*len(blocks)
}

// text is everything that was written, as plain text.
func (s *sheet) text() string {
	return blockkit.Truncate(strings.Join(s.lines, "\n"), blockkit.MaxText)
}

// reply is the sheet as an answer for one person.
func (s *sheet) reply() bot.Reply { return bot.Reply{Text: s.text(), Blocks: s.blocks} }
