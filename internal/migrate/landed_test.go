package migrate_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// landed lists the SHA-256 of every migration of the module, as sha256sum prints it. A line is
// added with a new migration and never changed: a database that has applied a migration never
// applies it again, so an edit would leave that database behind for ever.
const landed = "testdata/landed.sha256"

func TestMigrationsAreNeverEdited(t *testing.T) {
	t.Parallel()
	list, err := os.Open(landed)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	module := os.DirFS("../..")
	known := map[string]bool{}
	for lines := bufio.NewScanner(list); lines.Scan(); {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		known[name] = true
		content, err := fs.ReadFile(module, name)
		if err != nil {
			t.Errorf("a migration that has landed is gone: %v", err)
			continue
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has landed and was edited. Restore it, and add a new migration.", name)
		}
	}
	numbers := map[string]string{}
	for _, name := range migrationsOf(t, module) {
		number, _, _ := strings.Cut(name, "_")
		if other := numbers[number]; other != "" {
			t.Errorf("%s and %s have the same number, so no database can be migrated", other, name)
		}
		numbers[number] = name
		if !known[name] {
			t.Errorf("%s is not listed: run sha256sum %s >> internal/migrate/%s", name, name, landed)
		}
	}
}

// migrationsOf lists the migrations of all packages, by their path in the module.
func migrationsOf(t *testing.T, module fs.FS) (names []string) {
	t.Helper()
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			if errors.Is(err, fs.ErrNotExist) { // another test's scratch
				return nil
			}
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && name != "."):
			return fs.SkipDir
		case path.Base(path.Dir(name)) == "migrations" && path.Ext(name) == ".sql":
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("no migrations found")
	}
	return names
}
