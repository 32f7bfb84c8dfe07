package arrows

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/atlilith/onboardbot/"

// forbidden says which rooms may not know which others: whoever lives below the first must not import anything below one of
// the rest. Arrows run downwards only: commands → bot, onboarding, templates.
var forbidden = map[string][]string{
	"onboarding": {module + "bot", module + "commands", module + "internal/config", "github.com/slack-go/slack"},
	"bot":        {module + "onboarding", module + "commands", module + "templates", module + "internal/config"},
	"templates":  {module + "bot", module + "commands", module + "onboarding", module + "internal/config"},
	"commands":   {module + "internal/config", module + "onboarding/runbook"},
}

func TestArrowsRunDownwards(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		imports := strings.Fields(line)
		room := strings.TrimPrefix(imports[0], module)
		for _, imported := range imports[1:] {
			if below(imported, module+"internal/sandbox") && !strings.HasPrefix(room, "internal/sandbox") {
				t.Errorf("%s is part of the product and imports %s, which is for the demo and tests", room, imported)
			}
			for above, rooms := range forbidden {
				for _, other := range rooms {
					if below(room, above) && below(imported, other) {
						t.Errorf("%s must not know %s", room, imported)
					}
				}
			}
		}
	}
}

// below reports whether a package is a folder or lives in it.
func below(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }
