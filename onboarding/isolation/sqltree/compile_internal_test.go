package sqltree

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallest is a module of WebAssembly with nothing but its version.
var smallest = []byte("\x00asm\x01\x00\x00\x00")

// keptFile is the only file below a directory.
func keptFile(t *testing.T, dir string) string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	return files[0]
}

func TestCompiledModulesAreKept(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := cacheDir()
	if _, err := load(t.Context(), dir, smallest); err != nil {
		t.Fatal(err)
	}
	file := keptFile(t, dir)
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(t.Context(), dir, smallest); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was compiled again: %v", err)
	}

	if err := os.Truncate(file, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t.Context(), dir, smallest); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a damaged file is kept")
	}
}

func TestWhereNothingCanBeKept(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	dir := cacheDir()
	if dir == "" {
		t.Fatal("a user's own cache folder is not used")
	}
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if got := cacheDir(); got != "" {
		t.Errorf("%s is used, though its group can write to it", got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if got := cacheDir(); got != "" {
		t.Errorf("%s is used, though it is a link", got)
	}
	t.Setenv("XDG_CACHE_HOME", "/dev/null")
	if got := cacheDir(); got != "" {
		t.Errorf("%s is used", got)
	}
	if _, err := load(t.Context(), "/dev/null/parser", smallest); err != nil {
		t.Error(err)
	}
}

func TestCompiledByTheVersionInUse(t *testing.T) {
	required, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	want := "tetratelabs/" + strings.Replace(compiledBy, "@", " ", 1) + "\n"
	if !strings.Contains(string(required), want) {
		t.Errorf("go.mod does not require %s", want)
	}
}

func TestParser(t *testing.T) {
	for range 2 {
		statements, err := Statements("SELECT 1; SELECT 'é'")
		if err != nil || len(statements) != 2 {
			t.Errorf("%v, %v", statements, err)
		}
		_, err = Statements("SELEKT 1")
		if err == nil || !strings.Contains(err.Error(), `syntax error at or near "SELEKT"`) {
			t.Errorf("%v", err)
		}
		const function = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$"
		if _, err := plpgsql(function); err != nil {
			t.Error(err)
		}
		if _, err := plpgsql(strings.Replace(function, "RETURN 1", "RETRN 1", 1)); err == nil {
			t.Error("an error in PL/pgSQL is none")
		}
		// Parse trees nested too deeply for the parser's stack are an error, and the next text is
		// parsed.
		if _, err := Statements("SELECT " + strings.Repeat("(", 100_000)); err == nil {
			t.Error("unbalanced parentheses parse")
		}
		_ = parser.module.Close(t.Context())
		parser.module = nil // as after a failure
	}
}
