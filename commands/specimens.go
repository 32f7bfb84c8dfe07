package commands

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// The golden files are what is rendered of every state that there is, and the tests hold the renderers to them. So they are what
// a real workspace is asked about, too.
//
//go:embed testdata
var specimens embed.FS

// Specimen is something that the bot may show, as it goes to Slack: the blocks of a message, or a whole view.
type Specimen struct {
	// Name says what it is and in which state, such as thread/certbot-failed/root.
	Name    string
	Surface blockkit.Surface
	JSON    json.RawMessage
	// Plan says that it holds a plan block, for which there is a fallback where a workspace does not show one.
	Plan bool
}

// Specimens are all kinds of messages and views that the bot can show, of each the one with the most in it.
func Specimens() ([]Specimen, error) {
	all, err := everything()
	if err != nil {
		return nil, fmt.Errorf("specimens: %w", err)
	}
	slices.SortFunc(all, func(a, b Specimen) int {
		if d := len(b.JSON) - len(a.JSON); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	known := map[string]bool{}
	all = slices.DeleteFunc(all, func(s Specimen) bool {
		var content any
		if err := json.Unmarshal(s.JSON, &content); err != nil {
			return false // which Slack will say
		}
		kind := fmt.Sprint(s.Surface, shape("", content))
		if known[kind] {
			return true
		}
		known[kind] = true
		return false
	})
	slices.SortFunc(all, func(a, b Specimen) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// everything is all that stands in the golden files as JSON.
func everything() ([]Specimen, error) {
	var all []Specimen
	err := fs.WalkDir(specimens, "testdata", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := specimens.ReadFile(file)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, "testdata/")
		switch path.Ext(file) {
		case ".json":
			all = append(all, specimen(strings.TrimSuffix(name, ".json"), content))
		case ".txtar":
			for _, part := range txtar.Parse(content).Files {
				if key, found := strings.CutSuffix(part.Name, ".json"); found {
					all = append(all, specimen(strings.TrimSuffix(name, ".txtar")+"/"+key, part.Data))
				}
			}
		}
		return nil
	})
	return all, err
}

// specimen tells what a golden file holds: a modal, the blocks of a Home tab, or those of a message.
func specimen(name string, content []byte) Specimen {
	switch {
	case bytes.HasPrefix(content, []byte("{")):
		return Specimen{Name: name, Surface: blockkit.InModal, JSON: content}
	case strings.HasPrefix(name, "home/"):
		return Specimen{Name: name, Surface: blockkit.InHome, JSON: slices.Concat([]byte(`{"type":"home","blocks":`), content, []byte(`}`))}
	}
	return Specimen{Name: name, Surface: blockkit.InMessage, JSON: content, Plan: bytes.Contains(content, []byte(`"type": "plan"`))}
}

// shape is a value without what people would read: its structure, kinds and styles, repetitions once.
func shape(key string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		shapes := map[string]any{}
		for name, each := range value {
			shapes[name] = shape(name, each)
		}
		return shapes
	case []any:
		var shapes []string
		for _, each := range value {
			shapes = append(shapes, fmt.Sprint(shape("", each)))
		}
		return slices.Compact(shapes)
	case string:
		if key == "type" || key == "style" || key == "status" {
			return value
		}
	}
	return fmt.Sprintf("%T", value)
}
