package blockkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
)

// slackOwn are properties of blocks that Slack adds or changes by itself, and that show nothing.
var slackOwn = map[string]bool{
	"block_id": true, "emoji": true, "verbatim": true,
	"image_width": true, "image_height": true, "image_bytes": true, "is_animated": true, "fallback": true,
}

// Fingerprint identifies what a message or a view shows: its blocks, attachments and files, and of a
// view also its title, its submit button, its callback_id and its private metadata. The object is a
// message or a view as Slack returns it, in an answer or with a click. Slack returns the same
// content with the same texts, but may add properties and order them differently; these do not
// count. It returns nil for an object that cannot be read or has no blocks.
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
	return sum[:]
}

// canonical is a JSON value without what Slack adds by itself, and without properties that are
// absent as well as null or false.
func canonical(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, each := range value {
			if !slackOwn[name] && each != nil && each != false {
				kept[name] = canonical(each)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, each := range value {
			kept[i] = canonical(each)
		}
		return kept
	}
	return value
}
