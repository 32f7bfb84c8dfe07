package commands

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestLook(t *testing.T) {
	name := os.Getenv("LOOK")
	if name == "" {
		return
	}
	s := stories[name]()
	names := map[string]string{"U0ANA": "Ana", "U0BO": "Bo", "U0CLEO": "Cleo", "S0OPS": "ops", "C0OPS": "ops"}
	for _, m := range storyScribe.thread(s.View, s.now) {
		b, _ := json.Marshal(m.Blocks)
		fmt.Println("-----", m.Key[40:])
		fmt.Println(workspace.Message{Blocks: b}.Render(62, names))
	}
}
