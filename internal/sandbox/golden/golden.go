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

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Archive writes messages as a golden file: of each its text, its blocks, and its fallback unless that
// follows from the blocks.
func Archive(root string, messages []post.Message) []byte {
	var archive txtar.Archive
	for _, message := range messages {
		key := strings.TrimPrefix(strings.TrimPrefix(message.Key, root), "/")
		if key == "" {
			key = "root"
		}
		archive.Files = append(archive.Files, txtar.File{Name: key + ".txt", Data: []byte(message.Text + "\n")},
			txtar.File{Name: key + ".json", Data: Indented(message.Blocks)})
		derived := Indented(blockkit.Simplify(message.Blocks, blockkit.NoDataTables))
		if fallback := Indented(message.Fallback); len(message.Fallback) > 0 && !bytes.Equal(fallback, derived) {
			archive.Files = append(archive.Files,
				txtar.File{Name: key + ".fallback.json", Data: fallback})
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

// CheckMessages holds messages against Slack's limits twice: as the product knows them, and as the
// simulated workspace does.
func CheckMessages(t *testing.T, messages []post.Message) {
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
		if len([]rune(message.Text)) > blockkit.MaxText || strings.TrimSpace(message.Text) == "" {
			t.Errorf("%s: text of %d characters", message.Key, len([]rune(message.Text)))
		}
		for _, blocks := range [][]slack.Block{message.Blocks, message.Fallback} {
			if len(blocks) > 0 {
				CheckBlocks(t, message.Key, blocks, blockkit.InMessage)
			}
		}
		for _, forbidden := range []string{"<!channel>", "<!here>", "<!everyone>", "<@U0BO|boss>", "<https://evil"} {
			if strings.Contains(message.Text, forbidden) {
				t.Errorf("%s: the text holds %s", message.Key, forbidden)
			}
		}
	}
}

func CheckBlocks(t *testing.T, what string, blocks []slack.Block, surface blockkit.Surface) {
	t.Helper()
	if weight := blockkit.Weight(blocks...); surface == blockkit.InMessage && weight > blockkit.MaxMessageWeight {
		t.Errorf("%s weighs %d, at most %d", what, weight, blockkit.MaxMessageWeight)
	}
	encoded, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	var problems []blockcheck.Problem
	if surface == blockkit.InMessage {
		_, problems, err = blockcheck.Blocks(encoded, blockcheck.Options{})
	} else {
		_, problems, err = blockcheck.View([]byte(`{"type":"home","blocks":`+string(encoded)+`}`), blockcheck.Home,
			blockcheck.Options{})
	}
	if err != nil || len(problems) > 0 {
		t.Errorf("%s: %v %v", what, err, problems)
	}
}

// CheckView checks a modal against Slack's schema.
func CheckView(t *testing.T, view slack.ModalViewRequest) {
	t.Helper()
	encoded, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	if _, problems, err := blockcheck.View(encoded, blockcheck.Modal, blockcheck.Options{}); err != nil ||
		len(problems) > 0 {
		t.Errorf("%v %v", err, problems)
	}
}
