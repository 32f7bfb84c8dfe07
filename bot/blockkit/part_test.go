package blockkit_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

func TestPartFingerprint(t *testing.T) {
	part := func(text, value string) []slack.Block {
		button := blockkit.Button("approve", value, "Approve", "")
		return []slack.Block{blockkit.Section(text), slack.NewActionBlock("", button)}
	}
	message := func(parts ...[]slack.Block) json.RawMessage {
		var blocks []slack.Block
		for i, each := range parts {
			if i > 0 {
				blocks = append(blocks, slack.NewDividerBlock())
			}
			blocks = append(blocks, each...)
		}
		encoded, err := json.Marshal(map[string]any{"blocks": blocks})
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	before := blockkit.PartFingerprint(message(part("one", "1"), part("two", "2")), "2")
	for name, c := range map[string]struct {
		message json.RawMessage
		same    bool
	}{
		"another part changed":   {message(part("one is done", "1"), part("two", "2")), true},
		"another part came":      {message(part("two", "2"), part("three", "3")), true},
		"its own part changed":   {message(part("one", "1"), part("two is odd", "2")), false},
		"its button moved":       {message(part("one", "2"), part("two", "1")), false},
		"it is there twice":      {message(part("two", "2"), part("two", "2")), false},
		"it has two parts":       {message(part("two", "2"), part("else", "2")), false},
		"something stands above": {message(append(part("one", "1"), part("two", "2")...)), false},
		"it is gone":             {message(part("one", "1")), false},
		"there is no message":    {nil, false},
		"there are no blocks":    {json.RawMessage(`{}`), false},
	} {
		got := blockkit.PartFingerprint(c.message, "2")
		if same := bytes.Equal(got, before); same != c.same || before == nil {
			t.Errorf("%s: the same is %v", name, same)
		}
	}
}
