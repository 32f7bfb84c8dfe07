// Package templates holds files that are embedded in the binary: the deploy template of a Provider's domain, for a platform
// that has none of its own, and the Slack app's manifest. It holds files and next to nothing that fills them in.
package templates

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
)

// The folder has no braces in its name, unlike the platform's own, since a module's files may not.
//
//go:embed all:provider.com
var files embed.FS

// File is one embedded file, with the mode that git keeps of it and embedding does not.
type File struct {
	Path    string // relative to its template
	Mode    fs.FileMode
	Content []byte
}

// Provider returns the files of a domain's deploy folder, in the order of their paths, as the platform's own
// _template/{provider}.com has them.
func Provider() ([]File, error) {
	const root = "provider.com"
	var tree []File
	err := fs.WalkDir(files, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		tree = append(tree, File{Path: name[len(root)+1:], Mode: mode(name), Content: content})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return tree, nil
}

func mode(name string) fs.FileMode {
	if path.Ext(name) == ".sh" {
		return 0o755
	}
	return 0o644
}
