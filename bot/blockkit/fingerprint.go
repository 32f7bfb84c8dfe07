package blockkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"reflect"
)

// fingerprintVersion is the first byte of each fingerprint. It changes with what counts as the
// same content. A fingerprint of another version, or one of earlier releases without any, says
// nothing.
const fingerprintVersion = 2

// SameVersion reports whether two fingerprints can be compared.
func SameVersion(a, b []byte) bool { return len(a) > 0 && len(a) == len(b) && a[0] == b[0] }

// slackOwn are properties of blocks that Slack adds or changes by itself, and that show nothing.
var slackOwn = map[string]bool{
	"block_id": true, "emoji": true, "verbatim": true,
	"image_width": true, "image_height": true, "image_bytes": true, "is_animated": true, "fallback": true,
}

// slackDefaults are properties that Slack may add with the value that they have when absent,
// besides null, false, "" and [].
var slackDefaults = map[string]any{"border": json.Number("0"), "indent": json.Number("0"), "status": "pending",
	"row_header_column_index": json.Number("0")}

// Fingerprint identifies what a message or a view shows: its blocks, attachments and files, and of
// a view also its title, its submit button, its callback_id and its private metadata. The object
// is a message or a view as Slack returns it, in an answer or with a click. Slack returns the same
// content, but may add properties, order them differently, and write texts differently: with
// shortcodes for emoji, with entities, and with links that it found. None of this counts. It
// returns nil for an object that cannot be read or has no blocks.
func Fingerprint(object json.RawMessage) []byte {
	var content struct {
		Blocks      []any `json:"blocks"`
		Attachments []any `json:"attachments"`
		Files       []struct {
			ID string `json:"id"`
		} `json:"files"`
		Metadata string `json:"private_metadata"`
		Callback string `json:"callback_id"`
		Title    any    `json:"title"`
		Submit   any    `json:"submit"`
	}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	if decoder.Decode(&content) != nil || len(content.Blocks) == 0 {
		return nil
	}
	encoded, err := json.Marshal([]any{canonical(content.Blocks), canonical(content.Attachments), content.Files,
		content.Metadata, content.Callback, canonical(content.Title), canonical(content.Submit)})
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(encoded)
	return append([]byte{fingerprintVersion}, sum[:]...)
}

// canonical is a JSON value without what Slack adds by itself, and without properties that have
// the value that they have when absent. Texts are as [canonicalText] writes them.
func canonical(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if value["type"] == "emoji" {
			return richTextOf(emojiOf(value), value["style"])
		}
		kept := map[string]any{}
		for name, each := range value {
			each = canonical(each)
			if !slackOwn[name] && !absent(each) && each != slackDefaults[name] {
				kept[name] = each
			}
		}
		return kept
	case []any:
		kept := make([]any, 0, len(value))
		for _, each := range value {
			kept = appendJoined(kept, canonical(each))
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case string:
		return canonicalText(value)
	}
	return value
}

// absent reports whether a property with this value is the same as none.
func absent(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	}
	return value == false || value == ""
}

// appendJoined appends an element of a list. Slack takes a text of rich text apart where it has
// emoji or links, so a text joins one before it that is written in the same style.
func appendJoined(list []any, element any) []any {
	text, style, ok := plainText(element)
	if ok && len(list) > 0 {
		before, styleBefore, ok := plainText(list[len(list)-1])
		if ok && reflect.DeepEqual(style, styleBefore) {
			list[len(list)-1] = richTextOf(before+text, style)
			return list
		}
	}
	return append(list, element)
}

// plainText returns the text and the style of a text element of rich text.
func plainText(element any) (text string, style any, ok bool) {
	object, ok := element.(map[string]any)
	if !ok || object["type"] != "text" {
		return "", nil, false
	}
	text, ok = object["text"].(string)
	return text, object["style"], ok
}

// richTextOf is a text element of rich text.
func richTextOf(text string, style any) map[string]any {
	element := map[string]any{"type": "text", "text": text}
	if style = canonical(style); !absent(style) {
		element["style"] = style
	}
	return element
}
