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

// TestGoroutinesAreContained holds that product code starts goroutines through internal/routine
// alone, since a panic of any other ends the process.
func TestGoroutinesAreContained(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "internal/routine" || name == "internal/sandbox" || name == "internal/tools" ||
			strings.HasSuffix(name, "test") || entry.Name() == ".git"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		for _, problem := range uncontained(t, path) {
			t.Errorf("%s: %s: use internal/routine", name, problem)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// uncontained lists what starts goroutines in a file in another way.
func uncontained(t *testing.T, path string) (problems []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, imported := range file.Imports {
		if imported.Path.Value == `"golang.org/x/sync/errgroup"` {
			problems = append(problems, "it imports errgroup")
		}
	}
	groups := map[string]bool{} // the variables and fields that are a sync.WaitGroup
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ValueSpec:
			for _, name := range node.Names {
				groups[name.Name] = groups[name.Name] || isSelector(node.Type, "sync", "WaitGroup")
			}
		case *ast.Field:
			kind := node.Type
			if pointer, ok := kind.(*ast.StarExpr); ok {
				kind = pointer.X
			}
			for _, name := range node.Names {
				groups[name.Name] = groups[name.Name] || isSelector(kind, "sync", "WaitGroup")
			}
		}
		return true
	})
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt:
			problems = append(problems, "it has a go statement")
		case *ast.CallExpr:
			method, ok := node.Fun.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "Go" || len(node.Args) != 1 || !groups[lastName(method.X)] {
				return true
			}
			if call, ok := node.Args[0].(*ast.CallExpr); !ok || !isSelector(call.Fun, "routine", "Contained") {
				problems = append(problems, "a sync.WaitGroup starts a goroutine that is not routine.Contained")
			}
		}
		return true
	})
	return problems
}

func isSelector(node ast.Expr, pkg, name string) bool {
	selector, ok := node.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == name && lastName(selector.X) == pkg
}

// lastName is the name at the end of an expression such as r.late.
func lastName(node ast.Expr) string {
	switch node := node.(type) {
	case *ast.Ident:
		return node.Name
	case *ast.SelectorExpr:
		return node.Sel.Name
	}
	return ""
}
