// Package mrkdwn writes Slack's markup. Its functions make text from people and machines safe to
// stand in a message, and its [Builder] keeps the blocks of a message and the plain text beside
// them in step.
package mrkdwn

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
)

// Part is literal text: nothing in it is markup.
type Part struct {
	Head string // what and where, one line
	Body string // for a code block, without a final line break; may be empty
}

// Notice is a modal that shows a text.
func Notice(titleText, mrkdwn string) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: blockkit.Plain(titleText, blockkit.MaxViewTitle),
		Close:  blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: blockkit.Sections(mrkdwn)},
	}
}

// Builder builds a message or a view. Everything goes into the blocks and, in the same words,
// into the plain text that notifications and screen readers use.
type Builder struct {
	Blocks []slack.Block
	lines  []string
}

// Say adds a paragraph of mrkdwn. The caller escapes what comes from people or machines.
func (s *Builder) Say(mrkdwn string) {
	s.Blocks = append(s.Blocks, blockkit.Section(mrkdwn))
	s.lines = append(s.lines, mrkdwn)
}

// Beside adds a paragraph of mrkdwn with a button at its side.
func (s *Builder) Beside(mrkdwn string, button *slack.ButtonBlockElement) {
	section := blockkit.Section(mrkdwn)
	section.Accessory = slack.NewAccessory(button)
	s.Blocks = append(s.Blocks, section)
	s.lines = append(s.lines, mrkdwn)
}

// Note adds a line of small mrkdwn.
func (s *Builder) Note(mrkdwn string) {
	s.Blocks = append(s.Blocks, blockkit.Context(mrkdwn))
	s.lines = append(s.lines, mrkdwn)
}

// Parts adds literal text: each head in bold, each body as code.
func (s *Builder) Parts(parts ...Part) {
	var elements []slack.RichTextElement
	for _, part := range parts {
		if part.Head != "" {
			elements = append(elements, bold(part.Head))
			s.lines = append(s.lines, blockkit.Escape(part.Head))
		}
		if part.Body != "" {
			elements = append(elements, code(part.Body))
			s.lines = append(s.lines, blockkit.Escape(part.Body))
		}
	}
	if len(elements) > 0 {
		s.Blocks = append(s.Blocks, slack.NewRichTextBlock("", elements...))
	}
}

func bold(text string) *slack.RichTextSection {
	return slack.NewRichTextSection(slack.NewRichTextSectionTextElement(text,
		&slack.RichTextSectionTextStyle{Bold: true}))
}

func code(text string) *slack.RichTextPreformatted {
	return &slack.RichTextPreformatted{Type: slack.RTEPreformatted,
		Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(text, nil)}}
}

// Buttons adds a row of buttons. The block id says what they are about if their values do not.
func (s *Builder) Buttons(blockID string, buttons ...*slack.ButtonBlockElement) {
	elements := make([]slack.BlockElement, len(buttons))
	for i, button := range buttons {
		elements[i] = button
	}
	s.Blocks = append(s.Blocks, slack.NewActionBlock(blockID, elements...))
}

// PageButtons adds the buttons that lead from a page to its neighbours. The page number is
// appended to the action id.
func (s *Builder) PageButtons(action, value string, number, count int) {
	var turns []*slack.ButtonBlockElement
	if number > 0 {
		turns = append(turns, blockkit.Button(action+strconv.Itoa(number-1), value, "← Page "+strconv.Itoa(number),
			""))
	}
	if number < count-1 {
		turns = append(turns, blockkit.Button(action+strconv.Itoa(number+1), value,
			"Page "+strconv.Itoa(number+2)+" →", ""))
	}
	if len(turns) > 0 {
		s.Buttons("pages", turns...)
	}
}

// Table adds rows below a header. Its cells are raw text, in which nothing is markup.
func (s *Builder) Table(rows [][]string) {
	s.Blocks = append(s.Blocks, blockkit.PlainTable(rows))
	s.rows(rows[1:])
}

// DataTable adds a table that people sort, filter and page through. It is for messages, which need
// [Builder.Fallback] with it.
func (s *Builder) DataTable(table blockkit.Table) {
	s.Blocks = append(s.Blocks, blockkit.DataTable(table))
	s.rows(table.Rows[1:])
}

// rows adds rows to the plain text: as many as a table shows that has no pages.
func (s *Builder) rows(rows [][]string) {
	for i, row := range rows {
		if i == blockkit.PlainRows {
			s.lines = append(s.lines, fmt.Sprintf("… and %d more", len(rows)-i))
			return
		}
		s.lines = append(s.lines, blockkit.Escape(strings.Join(row, " · ")))
	}
}

// Fallback returns the blocks for a workspace that takes no data tables, nil if there are none.
func (s *Builder) Fallback() []slack.Block {
	if !slices.ContainsFunc(s.Blocks, func(b slack.Block) bool { return b.BlockType() == slack.MBTDataTable }) {
		return nil
	}
	return blockkit.Simplify(s.Blocks, blockkit.NoDataTables)
}

// Weight is the size of blocks in bytes of JSON, with an allowance for each block, as
// [blockkit.MaxMessageWeight] counts.
func Weight(blocks []slack.Block) int {
	const each = 100
	encoded, err := json.Marshal(blocks)
	if err != nil {
		return blockkit.MaxMessageWeight
	}
	return len(encoded) + each*len(blocks)
}

// Text returns everything as plain text.
func (s *Builder) Text() string {
	return blockkit.Truncate(strings.Join(s.lines, "\n"), blockkit.MaxText)
}

// Reply returns the message as an answer for one person.
func (s *Builder) Reply() post.Reply { return post.Reply{Text: s.Text(), Blocks: s.Blocks} }
