package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// gateFile is the one file of the product that applies the items of a change.
const gateFile = "onboarding/engine/gate.go"

// TestOnlyTheGateApplies holds that no other code of the product reaches for what applies an item.
func TestOnlyTheGateApplies(t *testing.T) {
	t.Parallel()
	const root = "../.."
	applies := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok || selector.Sel.Name != "ApplyItem" {
				return true
			}
			if relative, err := filepath.Rel(root, path); err != nil || filepath.ToSlash(relative) != gateFile {
				t.Errorf("%s calls ApplyItem, which only %s may: what it applies is not checked by the gate", path,
					gateFile)
			}
			applies++
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if applies != 1 {
		t.Errorf("the gate applies in %d places, want 1", applies)
	}
}
