package hosts

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// expand starts a script whose first argument is a path that may begin with ~/; the script finds
// it in $p.
const expand = `case $1 in "~"|"~/") p=$HOME ;; "~/"*) p=$HOME/${1#??} ;; *) p=$1 ;; esac; LC_ALL=C; export LC_ALL; `

// noSuchFile is how libc words ENOENT in the C locale. The exit status of stat(1) does not tell it
// from other errors.
const noSuchFile = "No such file or directory"

// File is one entry of a tree.
type File struct {
	Path    string      // relative to the tree, slashes, no leading ./
	Mode    fs.FileMode // type and permissions
	Content []byte      // of a regular file
	Link    string      // target of a symbolic link
}

// ReadTar returns the files of a tar archive, whose names are relative, without its directories.
// It refuses files that are larger than the archive itself: those of a sparse archive can have 8
// EiB.
func ReadTar(archive []byte) ([]File, error) {
	var files []File
	contents := make(map[string][]byte)
	room := int64(len(archive))
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		file := File{Path: path.Clean(header.Name), Mode: header.FileInfo().Mode(), Link: header.Linkname}
		switch header.Typeflag {
		case tar.TypeDir:
			continue
		case tar.TypeLink: // a second name of a file that came before
			file.Content, file.Link = contents[path.Clean(header.Linkname)], ""
		case tar.TypeReg:
			if room -= header.Size; room < 0 {
				return nil, fmt.Errorf("%s: %w: its files are larger than the archive", file.Path, ErrTooLong)
			}
			if file.Content, err = io.ReadAll(reader); err != nil {
				return nil, err
			}
			contents[file.Path] = file.Content
		}
		files = append(files, file)
	}
}

// Info is what is known of a path. Mode's type bits tell a symbolic link apart, which is not
// followed.
type Info struct {
	Path    string
	Exists  bool
	Mode    fs.FileMode
	Size    int64
	Link    string // target of a symbolic link, as it is written
	Broken  bool   // a symbolic link whose target is not there
	Content []byte // of a file, links followed; nil if the path is no file
}

// statScript prints five NUL-terminated fields a path: mode size | link | broken | error |
// content, which is = and the file in base64.
const statScript = `for arg do set -- "$arg"; ` + expand + `
if fields=$(stat --printf='%f %s' -- "$p" 2>&1)
then printf '%s\0' "$fields"
else printf '\0\0\0%s\0\0' "$fields"; continue
fi
if [ -L "$p" ]
then readlink -z -- "$p"; if [ -e "$p" ]; then printf '\0'; else printf 'broken\0'; fi
else printf '\0\0'
fi
printf '\0'
if [ -f "$p" ]; then printf = && base64 -w0 -- "$p" || exit 1; fi
printf '\0'
done`

// Inspect returns what is known of all paths, in their order and in one round trip. A path that
// does not exist is no error.
func (h *Host) Inspect(ctx context.Context, paths ...string) ([]Info, error) {
	for _, name := range paths {
		if !absolute(name) {
			return nil, fmt.Errorf("%s: path %q is neither absolute nor under ~/", h.config.Name, name)
		}
	}
	out, err := h.Output(ctx,
		Command{Argv: append([]string{"sh", "-c", statScript, "onboardbot"}, paths...)})
	if err != nil {
		return nil, err
	}
	fields := strings.Split(string(out), "\x00")
	if len(fields) != 5*len(paths)+1 {
		return nil, fmt.Errorf("%s: stat: %d fields for %d paths", h.config.Name, len(fields), len(paths))
	}
	infos := make([]Info, len(paths))
	for i, name := range paths {
		if infos[i], err = parseStat(name, fields[5*i:5*i+5]); err != nil {
			return nil, fmt.Errorf("%s: %w", h.config.Name, err)
		}
	}
	return infos, nil
}

func parseStat(name string, fields []string) (Info, error) {
	info := Info{Path: name, Link: fields[1], Broken: fields[2] != ""}
	if problem := fields[3]; problem != "" {
		if strings.HasSuffix(problem, noSuchFile) || strings.HasSuffix(problem, "Not a directory") {
			return info, nil
		}
		return info, errors.New(plain([]byte(problem)))
	}
	var mode uint32
	if _, err := fmt.Sscanf(fields[0], "%x %d", &mode, &info.Size); err != nil {
		return info, fmt.Errorf("stat %s: unexpected %s", name, strconv.Quote(fields[0]))
	}
	info.Exists, info.Mode = true, fileMode(mode)
	if text, read := strings.CutPrefix(fields[4], "="); read {
		var err error
		if info.Content, err = base64.StdEncoding.DecodeString(text); err != nil {
			return info, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return info, nil
}

// fileMode turns st_mode, inode(7), into Go's.
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & 0o170000 {
	case 0o040000:
		m |= fs.ModeDir
	case 0o120000:
		m |= fs.ModeSymlink
	case 0o100000:
	default:
		m |= fs.ModeIrregular
	}
	for bit, flag := range map[uint32]fs.FileMode{
		0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky,
	} {
		if mode&bit != 0 {
			m |= flag
		}
	}
	return m
}
