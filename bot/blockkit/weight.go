package blockkit

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// blockWeight is what a block weighs beside its JSON.
const blockWeight = 100

// Weight estimates how much of [MaxMessageWeight] blocks take: the characters of their JSON, and a
// fixed amount for each block. The rows of data tables do not count, since they have a limit of
// their own, [MaxDataTableText].
func Weight(blocks ...slack.Block) int {
	var encoded bytes.Buffer
	heavy := make([]slack.Block, 0, len(blocks))
	for _, block := range blocks {
		if block.BlockType() != slack.MBTDataTable {
			heavy = append(heavy, block)
		}
	}
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(heavy) != nil {
		return MaxMessageWeight + 1
	}
	return utf8.RuneCount(encoded.Bytes()) + len(blocks)*blockWeight
}

// Fit returns the blocks that a surface has room for, by number and, in a message, by weight. When
// some are left over, the last place goes to more, which says where the rest is, and over is true.
func Fit(blocks []slack.Block, surface Surface, more slack.Block) (fitting []slack.Block, over bool) {
	room, limit := MaxMessageWeight, surface.maxBlocks()
	if surface != InMessage {
		room = MaxViewBytes / 4 // a character has at most four bytes
	}
	last := Weight(more)
	for i, block := range blocks {
		weight := Weight(block)
		if len(blocks) <= limit && i == len(blocks)-1 && weight <= room {
			return blocks, false
		}
		if i == limit-1 || weight+last > room {
			return append(append([]slack.Block{}, blocks[:i]...), more), true
		}
		room -= weight
	}
	return blocks, false
}
