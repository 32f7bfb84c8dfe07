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
		got := bytes.Equal(blockkit.Fingerprint(json.RawMessage(shown)),
			blockkit.Fingerprint(json.RawMessage(c.object)))
		if got != c.same {
			t.Errorf("%s: the same fingerprint: %v", c.name, got)
		}
	}
	// What Slack writes in another way.
	for written, returned := range map[string]string{
		`{"type": "mrkdwn", "text": "🟡 Cats & dogs"}`: `{"type": "mrkdwn", "verbatim": false,
			"text": ":large_yellow_circle: Cats &amp; dogs"}`,
		`{"type": "mrkdwn", "text": "⚠️ Ol\u00e9"}`: `{"type": "mrkdwn", "text": ":warning: Ole\u0301"}`,
		`{"type": "mrkdwn", "text": "👋🏽 you"}`:      `{"type": "mrkdwn", "text": ":wave::skin-tone-4: you"}`,
		`{"type": "mrkdwn", "text": "see example.com"}`: `{"type": "mrkdwn",
			"text": "see <http://example.com|example.com>"}`,
		`{"type": "mrkdwn", "text": "to https://a.b/c"}`: `{"type": "mrkdwn", "text": "to <https://a.b/c>"}`,
		`{"type": "mrkdwn", "text": "ask a@b.c"}`:        `{"type": "mrkdwn", "text": "ask <mailto:a@b.c|a@b.c>"}`,
		`{"type": "image", "image_url": "https://a/b", "alt_text": "🧊"}`: `{"type": "image", "image_url": "https://a/b",
			"alt_text": ":ice_cube:", "image_width": 10, "image_height": 10, "image_bytes": 512, "is_animated": false}`,
		`{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
			{"type": "text", "text": "Done ✅ at last"}]}]}`: `{"type": "rich_text", "block_id": "x", "elements": [
			{"type": "rich_text_section", "border": 0, "elements": [{"type": "text", "text": "Done "},
			{"type": "emoji", "name": "white_check_mark", "unicode": "2705"}, {"type": "text", "text": " at last"}]}]}`,
		`{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}}]}`: `{
			"type": "actions", "block_id": "y", "elements": [{"type": "button", "url": "", "confirm": null,
			"text": {"type": "plain_text", "text": "Go", "emoji": true}}]}`,
	} {
		a := blockkit.Fingerprint(json.RawMessage(`{"blocks": [` + written + `]}`))
		b := blockkit.Fingerprint(json.RawMessage(`{"blocks": [` + returned + `]}`))
		if a == nil || !bytes.Equal(a, b) {
			t.Errorf("another fingerprint:\n%s\n%s", written, returned)
		}
	}
	// What somebody else could write.
	for written, changed := range map[string]string{
		`"see <https://a.b|a.b>"`:   `"see <https://evil|a.b>"`,
		`"see a.b"`:                 `"see <https://evil|a.b>"`,
		`"🟢 Live"`:                  `"🔴 Live"`,
		`":white_check_mark: done"`: `":x: done"`,
		`"mount /a:rw:x"`:           `"mount /a:ro:x"`,
		`"&lt;https://a.b&gt;"`:     `"<https://a.b>"`,
	} {
		a := blockkit.Fingerprint(json.RawMessage(`{"blocks": [{"type": "mrkdwn", "text": ` + written + `}]}`))
		b := blockkit.Fingerprint(json.RawMessage(`{"blocks": [{"type": "mrkdwn", "text": ` + changed + `}]}`))
		if a == nil || bytes.Equal(a, b) {
			t.Errorf("the same fingerprint: %s, %s", written, changed)
		}
	}
	for _, object := range []string{``, `null`, `[]`, `{"blocks": []}`, `{"blocks": 1}`, `{"text": "One"}`} {
		if got := blockkit.Fingerprint(json.RawMessage(object)); got != nil {
			t.Errorf("%q has fingerprint %x", object, got)
		}
	}
}
