package blockkit

import (
	"encoding/json"
	"slices"

	"github.com/slack-go/slack"
)

// PartFingerprint is the [Fingerprint] of the part of a message that has a button with this value: what is
// between two dividers. The object is a message as for [Fingerprint]. It returns nil if the message has
// no such part, or several.
func PartFingerprint(object json.RawMessage, value string) []byte {
	var message struct {
		Blocks []json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal(object, &message) != nil {
		return nil
	}
	var found, part []json.RawMessage
	has := false
	for i, encoded := range append(message.Blocks, json.RawMessage(`{"type":"divider"}`)) {
		var block struct {
			Type     slack.MessageBlockType
			Elements []struct{ Type, Value string }
		}
		// Elements that are no list belong to blocks without buttons.
		_ = json.Unmarshal(encoded, &block)
		if block.Type == slack.MBTAction {
			has = has || slices.ContainsFunc(block.Elements, func(e struct{ Type, Value string }) bool {
				return e.Type == string(slack.METButton) && e.Value == value
			})
		}
		if block.Type != slack.MBTDivider {
			part = append(part, message.Blocks[i])
			continue
		}
		if has && found != nil {
			return nil
		}
		if has {
			found = part
		}
		part, has = nil, false
	}
	encoded, err := json.Marshal(map[string]any{"blocks": found})
	if err != nil {
		return nil
	}
	return Fingerprint(encoded)
}
