package repo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Source is a file or folder of the work tree that a command runs or deploys.
type Source struct {
	Path string // as the command names it, or the folder
	// Object is git's name of it at HEAD, or of its content if it is a file that is not committed.
	Object string
	// Ignored is a SHA-256 over the files in it that git ignores, empty if there are none.
	Ignored string
}

// ErrUncommitted says that something in a domain's folder, or a file that the command runs, is not
// as it is committed.
var ErrUncommitted = errors.New("not committed")

// ErrSources says that a command was not run: it would run or deploy something else than what it
// was bound to.
var ErrSources = errors.New("what would be deployed has changed")

const (
	uncommittedCode = 95
	sourcesCode     = 97
)

//go:embed sources.sh
var sourcesScript string

// Sources returns what a command that runs in the work tree runs and deploys: the folder of a
// domain, then the files that its arguments name. What those run in turn is not known. It fails
// with [ErrUncommitted]. Without a folder it returns the files alone.
func (r *Repo) Sources(ctx context.Context, folder string, argv []string) ([]Source, error) {
	out, err := r.host.Output(ctx, hosts.Command{Dir: r.config.Dir, Argv: sourcesCommand(nil, folder, argv)})
	if exit, ok := errors.AsType[*hosts.ExitError](err); ok {
		if exit.Code == uncommittedCode {
			return nil, fmt.Errorf("repo: %w: %s", ErrUncommitted, exit.Tail)
		}
		return nil, fmt.Errorf("repo: sources of %s: exit status %d: %s", folder, exit.Code, exit.Tail)
	}
	if err != nil {
		return nil, fmt.Errorf("repo: sources of %s: %w", folder, err)
	}
	var sources []Source
	for line := range strings.Lines(string(out)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		if len(fields) != 3 || !commitHash.MatchString(fields[0]) {
			return nil, fmt.Errorf("repo: sources of %s: unexpected line %q", folder, line)
		}
		ignored := strings.TrimPrefix(fields[1], "-")
		sources = append(sources, Source{Path: fields[2], Object: fields[0], Ignored: ignored})
	}
	return sources, nil
}

// Bind returns a command that runs only if its sources are still these, the first of them the
// folder. [BindError] tells what it fails with.
func Bind(command hosts.Command, sources []Source) hosts.Command {
	command.Argv = sourcesCommand(sources, sources[0].Path, command.Argv)
	return command
}

// BindError returns the error of a command of [Bind]: it wraps [ErrSources] if the command was not
// run.
func BindError(err error) error {
	if exit, ok := errors.AsType[*hosts.ExitError](err); ok && exit.Code == sourcesCode {
		return fmt.Errorf("repo: %w: %s", ErrSources, strings.ReplaceAll(exit.Tail, "\n", "; "))
	}
	return err
}

func sourcesCommand(expected []Source, folder string, argv []string) []string {
	var lines []string
	for _, source := range expected {
		ignored := cmp.Or(source.Ignored, "-")
		lines = append(lines, source.Object+" "+ignored+" "+source.Path)
	}
	return append([]string{"bash", "-c", sourcesScript, "onboardbot", strings.Join(lines, "\n"), folder}, argv...)
}

// TreeOf is git's name of a folder that holds these files and no others, gitformat-pack(5). Its
// hash is that of another object of the repository, or SHA-1.
func TreeOf(files []hosts.File, like string) string {
	return hex.EncodeToString(treeOf(files, hashOf(like)))
}

// hashOf returns the hash by which an object of the repository got its name.
func hashOf(name string) func() hash.Hash {
	if len(name) == hex.EncodedLen(sha256.Size) {
		return sha256.New
	}
	return sha1.New
}

func treeOf(files []hosts.File, newHash func() hash.Hash) []byte {
	type entry struct {
		mode, name, key string
		object          []byte
	}
	var entries []entry
	below := map[string][]hosts.File{}
	for _, file := range files {
		if dir, rest, nested := strings.Cut(file.Path, "/"); nested {
			file.Path = rest
			below[dir] = append(below[dir], file)
			continue
		}
		mode, content := GitMode(file.Mode), file.Content
		if mode == gitLink {
			content = []byte(file.Link)
		}
		entries = append(entries, entry{mode, file.Path, file.Path, objectOf("blob", content, newHash)})
	}
	for dir, files := range below {
		// git sorts a folder by its name and a slash
		entries = append(entries, entry{"40000", dir, dir + "/", treeOf(files, newHash)})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	var tree bytes.Buffer
	for _, e := range entries {
		tree.WriteString(e.mode + " " + e.name + "\x00")
		tree.Write(e.object)
	}
	return objectOf("tree", tree.Bytes(), newHash)
}

func objectOf(kind string, content []byte, newHash func() hash.Hash) []byte {
	h := newHash()
	fmt.Fprintf(h, "%s %d\x00", kind, len(content))
	h.Write(content)
	return h.Sum(nil)
}
