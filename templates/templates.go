// Package templates embeds the files that the bot hands out: the deploy template of a Provider's
// domain and the configuration of an Org's site, for a platform that has no templates of its own,
// and the Slack app's manifest.
package templates

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
)

// Unlike the platform's own template, the folder has no braces in its name: a Go module cannot
// hold such a file.
//
//go:embed all:provider.com
var files embed.FS

// File is one embedded file with its mode, which package embed does not keep.
type File struct {
	Path    string // relative to the template's root
	Mode    fs.FileMode
	Content []byte
}

// Provider returns the files of a domain's deploy folder, sorted by path, with the same
// placeholders as the platform's own _template/{provider}.com.
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
