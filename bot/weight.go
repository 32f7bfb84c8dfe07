package bot

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// blockWeight is what a block weighs beside its JSON.
const blockWeight = 100

// weight estimates how much of [MaxMessageWeight] something takes: the characters of its JSON and something for each block.
func weight(blocks int, v any) int {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return MaxMessageWeight + 1
	}
	return utf8.RuneCount(encoded.Bytes()) + blocks*blockWeight
}

// Fit returns the blocks that a surface has room for, by number and, in a message, by weight. When some are left over, the last
// place goes to more, which says where the rest is.
func Fit(blocks []slack.Block, surface Surface, more slack.Block) (fitting []slack.Block, over bool) {
	room, limit := MaxMessageWeight, surface.blocks()
	if surface != InMessage {
		room = MaxViewBytes / 4 // a character has at most four bytes
	}
	last := weight(1, more)
	for i, block := range blocks {
		w := weight(1, block)
		if len(blocks) <= limit && i == len(blocks)-1 && w <= room {
			return blocks, false
		}
		if i == limit-1 || w+last > room {
			return append(append([]slack.Block{}, blocks[:i]...), more), true
		}
		room -= w
	}
	return blocks, false
}
