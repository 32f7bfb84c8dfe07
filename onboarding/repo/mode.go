package repo

import "io/fs"

// The modes of files in a tree of git, as git-ls-tree(1) prints them.
const (
	gitFile       = "100644"
	gitExecutable = "100755"
	gitLink       = "120000"
	gitModule     = "160000"
)

// GitMode is the mode that git keeps of a file.
func GitMode(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return gitLink
	case mode.Perm()&0o111 != 0:
		return gitExecutable
	}
	return gitFile
}

// FileMode is the mode that a file has in the work tree, by the one that git keeps.
func FileMode(mode string) fs.FileMode {
	switch mode {
	case gitExecutable:
		return 0o755
	case gitLink:
		return fs.ModeSymlink | 0o777
	}
	return 0o644
}
