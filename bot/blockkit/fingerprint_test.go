package blockkit_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

func TestFingerprint(t *testing.T) {
	const shown = `{"text": "Approve?", "ts": "1.2", "blocks": [{"type": "section", "block_id": "a1",
		"text": {"type": "mrkdwn", "text": "One", "verbatim": false}}]}`
	for _, c := range []struct {
		name, object string
		same         bool
	}{
		{"ids, defaults and order that Slack chooses", `{"blocks": [{"text": {"text": "One", "type": "mrkdwn"},
			"block_id": "xYz", "type": "section"}], "user": "U1", "attachments": null}`, true},
		{"another text", `{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "Two"}}]}`, false},
		{"another type", `{"blocks": [{"type": "section", "text": {"type": "plain_text", "text": "One"}}]}`, false},
		{"another block", `{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "One"}},
			{"type": "divider"}]}`, false},
		{"an attachment", `{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "One"}}],
			"attachments": [{"text": "Reviewed"}]}`, false},
		{"other metadata", `{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "One"}}],
			"private_metadata": "other"}`, false},
		{"another submit button", `{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "One"}}],
			"submit": {"type": "plain_text", "text": "Reject"}}`, false},
		{"a file", `{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "One"}}],
			"files": [{"id": "F1"}]}`, false},
	} {
		got := bytes.Equal(blockkit.Fingerprint(json.RawMessage(shown)), blockkit.Fingerprint(json.RawMessage(c.object)))
		if got != c.same {
			t.Errorf("%s: the same fingerprint: %v", c.name, got)
		}
	}
	for _, object := range []string{``, `null`, `[]`, `{"blocks": []}`, `{"blocks": 1}`, `{"text": "One"}`} {
		if got := blockkit.Fingerprint(json.RawMessage(object)); got != nil {
			t.Errorf("%q has fingerprint %x", object, got)
		}
	}
}
