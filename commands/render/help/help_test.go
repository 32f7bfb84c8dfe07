package help_test

import (
	"path/filepath"
	"testing"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/help"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
)

func TestPage(t *testing.T) {
	t.Parallel()
	reply := help.Page("/onboard").Reply()
	golden.CheckMessages(t, []post.Message{{Key: "help", Text: reply.Text, Blocks: reply.Blocks}})
	golden.Compare(t, filepath.Join("testdata", "help.json"), golden.Indented(reply.Blocks))
}
