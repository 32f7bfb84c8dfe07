package repo

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPath is far below PATH_MAX and above any path a repository has.
const maxPath = 1024

// checkPath accepts a clean relative path whose parts mean the same to every file system and to
// git.
func checkPath(name string) error {
	if name == "" || name == "." || len(name) > maxPath || !utf8.ValidString(name) {
		return fmt.Errorf("path %.80q is empty, too long or not UTF-8", name)
	}
	if path.IsAbs(name) || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../") {
		return fmt.Errorf("path %q is not relative and clean", name)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' || r == ':' }) {
		return fmt.Errorf("path %q contains a character that is not allowed", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		// git refuses these in an index for the sake of file systems that fold case: verify_path
		// in read-cache.c.
		folded := strings.ToLower(strings.TrimRight(part, ". "))
		if folded == ".git" || folded == "git~1" || folded == "" {
			return fmt.Errorf("path %q is git's own or means another on some file systems", name)
		}
	}
	return nil
}

// checkCommit refuses a commit that would reach outside its folder.
func (r *Repo) checkCommit(c Commit) error {
	if err := checkPath(c.Folder); err != nil {
		return fmt.Errorf("%w: folder: %w", ErrOutside, err)
	}
	if dir, _ := path.Split(c.Folder); path.Clean(dir) != r.config.DomainsDir {
		return fmt.Errorf("%w: folder %q is not one of %s", ErrOutside, c.Folder, r.config.DomainsDir)
	}
	if len(c.Files) == 0 {
		return fmt.Errorf("commit %q changes no files", c.Subject)
	}
	// To a file system that folds case no file may be another or another's folder, and a folder
	// has one spelling.
	files, dirs := make(map[string]bool), make(map[string]string)
	for _, file := range c.Files {
		if err := checkPath(file.Path); err != nil {
			return fmt.Errorf("%w: %w", ErrOutside, err)
		}
		if !strings.HasPrefix(file.Path, c.Folder+"/") {
			return fmt.Errorf("%w: %q is not in %q", ErrOutside, file.Path, c.Folder)
		}
		folded := strings.ToLower(file.Path)
		if files[folded] || dirs[folded] != "" {
			return fmt.Errorf("%w: %q is there twice, or is a folder too", ErrOutside, file.Path)
		}
		files[folded] = true
		for dir := path.Dir(file.Path); dir != c.Folder; dir = path.Dir(dir) {
			folded := strings.ToLower(dir)
			if files[folded] || dirs[folded] != "" && dirs[folded] != dir {
				return fmt.Errorf("%w: %q is a file too, or spelled in two ways", ErrOutside, dir)
			}
			dirs[folded] = dir
		}
		if file.After != nil && file.Mode.Perm() != 0o644 && file.Mode.Perm() != 0o755 || !file.Mode.IsRegular() {
			return fmt.Errorf("%q: mode %v is neither 0644 nor 0755", file.Path, file.Mode)
		}
	}
	return checkMessage(c)
}
