package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// tree is what was counted below one directory.
type tree struct {
	packages  map[string]*pkg
	functions []function
	wide      []wideLine
	lines     int
	examples  int
}

// pkg is one package of the product.
type pkg struct {
	files, lines int
	methods      map[string]int // by type
	explained    bool           // the package comment says why the package is large
}

type function struct {
	name          string // with its file
	lines, params int
}

type wideLine struct {
	file          string
	line, columns int
}

// leftOut are the directories that are not part of the product.
var leftOut = []string{"internal/sandbox", "internal/tools", "internal/acceptance", "internal/arrows"}

// isProduct reports whether a file is part of the product. Packages such as probetest, whose names
// end with test, help tests.
func isProduct(name string) bool {
	if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(name), "test") {
		return false
	}
	return !slices.ContainsFunc(leftOut, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

func read(dir string) (*tree, error) {
	t := &tree{packages: map[string]*pkg{}}
	err := filepath.WalkDir(dir, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if relative != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(relative, ".go") {
			return nil
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		return t.file(filepath.ToSlash(relative), text)
	})
	return t, err
}

func (t *tree) file(name string, text []byte) error {
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	if !isProduct(name) {
		t.examples += runnable(file, name)
		return nil
	}
	dir := filepath.ToSlash(filepath.Dir(name))
	p := t.packages[dir]
	if p == nil {
		p = &pkg{methods: map[string]int{}}
		t.packages[dir] = p
	}
	lines := bytes.Count(text, []byte("\n"))
	p.files++
	p.lines += lines
	t.lines += lines
	p.explained = p.explained || strings.Contains(strings.Join(strings.Fields(file.Doc.Text()), " "), "why the package")
	t.widths(name, text)
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			t.function(f, positions, name)
			if f.Recv != nil {
				p.methods[receiver(f.Recv.List[0].Type)]++
			}
		}
	}
	return nil
}

func (t *tree) widths(name string, text []byte) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		tabs := bytes.Count(line, []byte("\t"))
		if columns := utf8.RuneCount(line) + 3*tabs; columns > maxColumns {
			t.wide = append(t.wide, wideLine{name, number, columns})
		}
	}
}

func (t *tree) function(f *ast.FuncDecl, positions *token.FileSet, file string) {
	params := 0
	for _, field := range f.Type.Params.List {
		params += max(1, len(field.Names))
	}
	name := f.Name.Name
	if f.Recv != nil {
		name = receiver(f.Recv.List[0].Type) + "." + name
	}
	lines := positions.Position(f.End()).Line - positions.Position(f.Pos()).Line + 1
	t.functions = append(t.functions, function{file + " " + name, lines, params})
}

// receiver returns the name of a method's type.
func receiver(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiver(of.X)
	case *ast.IndexExpr:
		return receiver(of.X)
	case *ast.IndexListExpr:
		return receiver(of.X)
	case *ast.Ident:
		return of.Name
	}
	return "?"
}

// runnable counts the examples of a file that state their output, which makes go test run them.
func runnable(file *ast.File, name string) (count int) {
	if !strings.HasSuffix(name, "_test.go") {
		return 0
	}
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Example") {
			continue
		}
		for _, comment := range file.Comments {
			text := strings.ToLower(comment.Text())
			inside := comment.Pos() > f.Body.Pos() && comment.End() < f.Body.End()
			if inside && (strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:")) {
				count++
			}
		}
	}
	return count
}
