// Package golden compares what is rendered with golden files, and with the limits of Slack.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockkit"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Archive writes messages as a golden file: of each its text and its blocks.
func Archive(root string, messages []bot.Message) []byte {
	var archive txtar.Archive
	for _, message := range messages {
		key := strings.TrimPrefix(strings.TrimPrefix(message.Key, root), "/")
		if key == "" {
			key = "root"
		}
		archive.Files = append(archive.Files, txtar.File{Name: key + ".txt", Data: []byte(message.Text + "\n")},
			txtar.File{Name: key + ".json", Data: Indented(message.Blocks)})
		if len(message.Fallback) > 0 {
			archive.Files = append(archive.Files, txtar.File{Name: key + ".fallback.json", Data: Indented(message.Fallback)})
		}
	}
	return txtar.Format(&archive)
}

func Indented(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func Compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// CheckMessages holds messages against Slack's limits twice: as the product knows them, and as the simulated workspace does.
func CheckMessages(t *testing.T, messages []bot.Message) {
	t.Helper()
	keys := map[string]bool{}
	for _, message := range messages {
		if keys[message.Key] {
			t.Errorf("key %s twice", message.Key)
		}
		keys[message.Key] = true
		if message.Thread != "" && !keys[message.Thread] {
			t.Errorf("%s is in the thread of %s, which comes later", message.Key, message.Thread)
		}
		if len([]rune(message.Text)) > bot.MaxText || strings.TrimSpace(message.Text) == "" {
			t.Errorf("%s: text of %d characters", message.Key, len([]rune(message.Text)))
		}
		for _, blocks := range [][]slack.Block{message.Blocks, message.Fallback} {
			if len(blocks) > 0 {
				CheckBlocks(t, message.Key, blocks, bot.InMessage)
			}
		}
		for _, forbidden := range []string{"<!channel>", "<!here>", "<!everyone>", "<@U0BO|boss>", "<https://evil"} {
			if strings.Contains(message.Text, forbidden) {
				t.Errorf("%s: the text holds %s", message.Key, forbidden)
			}
		}
	}
}

func CheckBlocks(t *testing.T, what string, blocks []slack.Block, surface bot.Surface) {
	t.Helper()
	if err := bot.Check(blocks, surface); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	encoded, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	var problems []blockkit.Problem
	if surface == bot.InMessage {
		_, problems, err = blockkit.Blocks(encoded, blockkit.Options{})
	} else {
		_, problems, err = blockkit.View([]byte(`{"type":"home","blocks":`+string(encoded)+`}`), blockkit.Home, blockkit.Options{})
	}
	if err != nil || len(problems) > 0 {
		t.Errorf("%s: %v %v", what, err, problems)
	}
}

// CheckView holds a modal against Slack's limits twice, as checkMessages does.
func CheckView(t *testing.T, view slack.ModalViewRequest) {
	t.Helper()
	if err := bot.CheckView(view); err != nil {
		t.Error(err)
	}
	encoded, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	if _, problems, err := blockkit.View(encoded, blockkit.Modal, blockkit.Options{}); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", err, problems)
	}
}
