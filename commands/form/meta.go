package form

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Meta is the private metadata of the form. It holds ids only, and is checked like everything
// that comes from Slack.
type Meta struct {
	Channel string `json:"channel"`
	// Plan makes the form a dry run.
	Plan bool `json:"plan,omitempty"`
	// Slug is the slug that the form was opened for. The draft is kept under it. It may be empty.
	Slug string `json:"slug,omitempty"`
	// Resumed reports whether the form began with a saved draft.
	Resumed bool `json:"resumed,omitempty"`
	// Logo is the digest of the logo that was uploaded before: a form cannot be opened with a
	// file.
	Logo string `json:"logo,omitempty"`
	// Edits is the run whose request is edited, zero for a new one. Fixed says that the Provider's
	// rows exist, so the form does not ask for them.
	Edits uuid.UUID `json:"edits,omitzero"`
	Fixed bool      `json:"fixed,omitempty"`
}

// KeepsDraft reports whether what somebody types in the form is kept as a draft: not for a dry
// run, and not when the request of a run is edited.
func (m Meta) KeepsDraft() bool { return !m.Plan && m.Edits == uuid.Nil }

func (m Meta) encode() string {
	encoded, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and bools always encode
	}
	return string(encoded)
}

// DecodeMeta reads the private metadata of a form.
func DecodeMeta(text string) (Meta, error) {
	var meta Meta
	if err := json.Unmarshal([]byte(text), &meta); err != nil {
		return Meta{}, fmt.Errorf("form: %w", err)
	}
	return meta, nil
}
