package blockkit

import (
	"encoding/json"
	"slices"

	"github.com/slack-go/slack"
)

// PartFingerprint is the [Fingerprint] of the part of a message that has a button with this value.
// Parts are what dividers separate. The object is a message as for [Fingerprint]. It returns nil
// if the message has no such part, or several.
func PartFingerprint(object json.RawMessage, value string) []byte {
	var message struct {
		Blocks []json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal(object, &message) != nil {
		return nil
	}
	parts, found := [][]json.RawMessage{nil}, -1
	for _, encoded := range message.Blocks {
		var block partBlock
		// Elements that are no list belong to blocks without buttons.
		_ = json.Unmarshal(encoded, &block)
		if block.Type == slack.MBTDivider {
			parts = append(parts, nil)
			continue
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], encoded)
		if !block.hasButton(value) {
			continue
		}
		if found >= 0 && found != last {
			return nil
		}
		found = last
	}
	if found < 0 {
		return nil
	}
	encoded, err := json.Marshal(map[string]any{"blocks": parts[found]})
	if err != nil {
		return nil
	}
	return Fingerprint(encoded)
}

// partBlock is what tells whether a block ends a part, and which buttons it has.
type partBlock struct {
	Type     slack.MessageBlockType
	Elements []partElement
}

type partElement struct{ Type, Value string }

func (b partBlock) hasButton(value string) bool {
	return b.Type == slack.MBTAction &&
		slices.Contains(b.Elements, partElement{string(slack.METButton), value})
}
