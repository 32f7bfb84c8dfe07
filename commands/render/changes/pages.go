package changes

import (
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
)

const (
	// pageBlocks and blockChars keep one page of a change far below Slack's 100 blocks and 250
	// KB, even where JSON escapes much of it.
	pageBlocks = 20
	blockChars = 2800
)

// Pages cuts a whole change into the pages of a modal, at line breaks where there are any.
func Pages(parts []mrkdwn.Part) [][]mrkdwn.Part {
	var pieces []mrkdwn.Part
	for _, full := range parts {
		head := full.Head
		for _, body := range mrkdwn.Chunks(full.Body, blockChars) {
			pieces = append(pieces, mrkdwn.Part{Head: head, Body: body})
			head = ""
		}
	}
	var out [][]mrkdwn.Part
	for len(pieces) > pageBlocks {
		out = append(out, pieces[:pageBlocks])
		pieces = pieces[pageBlocks:]
	}
	return append(out, pieces)
}
