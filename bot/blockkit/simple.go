package blockkit

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/slack-go/slack"
)

// Simplicity says which types of blocks are sent. Some workspaces refuse the newer ones.
type Simplicity int

// The levels, from all blocks to those that Block Kit had at its beginning.
const (
	AnyBlocks Simplicity = iota
	// NoDataTables has tables instead of data tables.
	NoDataTables
	// NoNewBlocks has no blocks that came after rich text, such as alerts and tables.
	NoNewBlocks
	// OldestBlocks has no rich text either.
	OldestBlocks
)

// oldest are the blocks that every workspace takes.
var oldest = []slack.MessageBlockType{slack.MBTSection, slack.MBTDivider, slack.MBTImage, slack.MBTAction,
	slack.MBTContext, slack.MBTInput, slack.MBTHeader}

// Simplify returns blocks with the same words for a workspace that refuses some of their types. A
// data table becomes a table with its first rows. What else is replaced becomes sections of plain
// text.
func Simplify(blocks []slack.Block, level Simplicity) (simple []slack.Block) {
	for _, block := range blocks {
		kind := block.BlockType()
		data, isData := block.(*slack.DataTableBlock)
		switch {
		case isData && level == NoDataTables:
			simple = append(simple, plainTable(*data, MaxMessageWeight-Weight(blocks...)))
		case level <= NoDataTables || slices.Contains(oldest, kind) ||
			kind == slack.MBTRichText && level == NoNewBlocks:
			simple = append(simple, block)
		case kind == slack.MBTAlert:
			simple = append(simple, plainSections("⚠️ "+wordsOf(block))...)
		default:
			simple = append(simple, plainSections(Escape(wordsOf(block)))...)
		}
	}
	return simple
}

// plainSections shows escaped text, in which nothing is markup.
func plainSections(text string) []slack.Block {
	var sections []slack.Block
	for _, part := range split(nonEmpty(text), MaxSectionText) {
		object := slack.NewTextBlockObject(slack.PlainTextType, nonEmpty(part), false, false)
		sections = append(sections, slack.NewSectionBlock(object, nil, nil))
	}
	return sections
}

// wordsOf returns what a block says, line by line.
func wordsOf(block slack.Block) string {
	encoded, err := json.Marshal(block)
	var value any
	if err != nil || json.Unmarshal(encoded, &value) != nil {
		return ""
	}
	return strings.Join(words(value), "\n")
}

// words collects the texts within a JSON value in the order in which a block shows them.
func words(value any) (lines []string) {
	switch value := value.(type) {
	case map[string]any:
		if text, ok := value["text"].(string); ok {
			return []string{text}
		}
		for _, name := range []string{"title", "caption", "text", "elements", "fields", "rows", "blocks"} {
			if text, ok := value[name].(string); ok {
				lines = append(lines, text)
			} else {
				lines = append(lines, words(value[name])...)
			}
		}
	case []any:
		for _, each := range value {
			lines = append(lines, words(each)...)
		}
		if inline(value) {
			lines = []string{strings.Join(lines, "")}
		}
		if cells(value) {
			lines = []string{strings.Join(lines, " · ")}
		}
	}
	return lines
}

// inline reports whether values are pieces of one paragraph.
func inline(values []any) bool {
	return allOf(values, "text", "link", "emoji", "user", "channel")
}

// cells reports whether values are the cells of one row of a table.
func cells(values []any) bool { return allOf(values, "raw_text", "raw_number", "rich_text") }

func allOf(values []any, types ...string) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(value any) bool {
		object, _ := value.(map[string]any)
		kind, _ := object["type"].(string)
		return !slices.Contains(types, kind)
	})
}
