package commands

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
)

// sheet is a message or a view in the making. What is written on it goes into the blocks and, in the same words, into the text
// that notifications and screen readers use.
type sheet struct {
	blocks []slack.Block
	lines  []string
}

// say writes a paragraph of mrkdwn. What comes from people or machines is escaped before.
func (s *sheet) say(mrkdwn string) {
	s.blocks = append(s.blocks, bot.Section(mrkdwn))
	s.lines = append(s.lines, mrkdwn)
}

// note writes a line of small mrkdwn.
func (s *sheet) note(mrkdwn string) {
	s.blocks = append(s.blocks, bot.Context(mrkdwn))
	s.lines = append(s.lines, mrkdwn)
}

// parts writes literal text: each part's head in bold, its body as code.
func (s *sheet) parts(parts ...part) {
	var elements []slack.RichTextElement
	for _, part := range parts {
		if part.head != "" {
			elements = append(elements, bold(part.head))
			s.lines = append(s.lines, bot.Escape(part.head))
		}
		if part.body != "" {
			elements = append(elements, code(part.body))
			s.lines = append(s.lines, bot.Escape(part.body))
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

// table writes rows below a header, cut where Slack's limits are reached.
func (s *sheet) table(rows [][]string, columns ...slack.ColumnSetting) {
	table := slack.NewTableBlock("").WithColumnSettings(columns...)
	left := bot.MaxTableText
	for i, row := range rows {
		width := 0
		for _, text := range row {
			width += len(text)
		}
		if left -= width; left < 0 || i == bot.MaxTableRows {
			break
		}
		cells := make([]slack.TableCell, len(row))
		for n, text := range row {
			var style *slack.RichTextSectionTextStyle
			if i == 0 {
				style = &slack.RichTextSectionTextStyle{Bold: true}
			}
			// Rich text is literal, whatever is in it.
			cells[n] = slack.NewTableRichTextCell(slack.NewRichTextSection(slack.NewRichTextSectionTextElement(text, style)))
		}
		table.AddRow(cells...)
		if i > 0 {
			s.lines = append(s.lines, bot.Escape(strings.Join(row, " · ")))
		}
	}
	s.blocks = append(s.blocks, table)
}

// text is everything that was written, as plain text.
func (s *sheet) text() string { return bot.Truncate(strings.Join(s.lines, "\n"), bot.MaxText) }

// reply is the sheet as an answer for one person.
func (s *sheet) reply() bot.Reply { return bot.Reply{Text: s.text(), Blocks: s.blocks} }
