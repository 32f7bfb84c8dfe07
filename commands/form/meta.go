package form

import (
	"encoding/json"
	"fmt"
)

// Meta travels with the form through Slack. It holds ids alone, and is checked like everything that comes from there.
type Meta struct {
	Channel string `json:"channel"`
	// Plan makes the form a dry run.
	Plan bool `json:"plan,omitempty"`
	// Slug is what the form was opened for, and the name under which what is typed is kept. Empty where none was given.
	Slug string `json:"slug,omitempty"`
	// Resumed says that the form began with what was typed before.
	Resumed bool `json:"resumed,omitempty"`
	// Logo is the digest of the logo that was sent before: a form cannot be given a file.
	Logo string `json:"logo,omitempty"`
}

func (m Meta) encode() string {
	encoded, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and bools always encode
	}
	return string(encoded)
}

func DecodeMeta(text string) (Meta, error) {
	var meta Meta
	if err := json.Unmarshal([]byte(text), &meta); err != nil {
		return Meta{}, fmt.Errorf("form: %w", err)
	}
	return meta, nil
}
