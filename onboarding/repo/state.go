package repo

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// State is what matters to one domain's folder. Paths of files are relative to their folder, and
// submodules are left out.
type State struct {
	// Committed are the folder's files at HEAD, none where it has no such folder. As all files
	// here they are what git filters make of them in the work tree, gitattributes(5).
	Committed []hosts.File
	// Remote are the folder's files on the remote, as it was last heard of from here. Without a
	// remote they are those that are committed.
	Remote []hosts.File
	// Template are the files at HEAD that a new domain's folder begins with.
	Template []hosts.File
	// Present are the folder's files in the work tree.
	Present []hosts.File
	// Domains are the folders beside it in the work tree, sorted.
	Domains []string
	// Unpushed are the commits that the remote does not have, newest first. Apply pushes those of
	// [Commit.Unpushed], and refuses to push others.
	Unpushed []Unpushed
	// Behind says that the remote has commits that are missing here.
	Behind bool
}

//go:embed state.sh
var stateScript string

// Observe returns the state of a domain's folder, mostly in one round trip.
func (r *Repo) Observe(ctx context.Context, domain string) (*State, error) {
	folder := r.Folder(domain)
	state, err := r.read(ctx, folder, "")
	if err == nil && (state.Behind || len(state.Unpushed) > 0) {
		// The branch may be about to get what was just fetched, or its last commit about to be
		// pushed.
		state, err = r.read(ctx, folder, lock)
	}
	if err != nil {
		return nil, fmt.Errorf("repo: observe %s: %w", folder, err)
	}
	return state, nil
}

func (r *Repo) read(ctx context.Context, folder, idle string) (*State, error) {
	if err := checkPath(folder); err != nil {
		return nil, err
	}
	if path.Dir(folder) != r.config.DomainsDir {
		return nil, ErrOutside
	}
	template, upstream := r.config.templateDir(), ""
	if r.config.Remote != "" {
		upstream = "refs/remotes/" + r.config.Remote + "/" + r.config.Branch
	}
	out, err := r.host.Output(ctx, hosts.Command{Dir: r.config.Dir, Idle: idle,
		Argv: []string{"bash", "-c", stateScript, "onboardbot", folder, template, r.config.DomainsDir, upstream,
			r.config.Branch, r.author.Address, strconv.Itoa(MaxUnpushed)}})
	if exit, ok := errors.AsType[*hosts.ExitError](err); ok { // without the text of the script
		return nil, fmt.Errorf("%s: exit status %d: %s", exit.Host, exit.Code, exit.Tail)
	}
	if err != nil {
		return nil, err
	}
	return r.parse(out, folder+"/", template+"/")
}

func (r *Repo) parse(out []byte, folder, template string) (*State, error) {
	files, rest, err := parseFiles(out)
	if err != nil {
		return nil, err
	}
	state := &State{Committed: below(files, folder), Template: below(files, template)}
	commits, rest := list(rest)
	for _, entry := range commits {
		if err := r.addCommit(state, entry); err != nil {
			return nil, err
		}
	}
	state.Remote = state.Committed
	if len(state.Unpushed) > 0 {
		if files, rest, err = parseFiles(rest); err != nil {
			return nil, err
		}
		state.Remote = below(files, folder)
		if rest, err = r.addChanges(state, rest); err != nil {
			return nil, err
		}
	}
	state.Domains, rest = list(rest)
	slices.Sort(state.Domains)
	if len(rest) > 0 {
		state.Present, err = hosts.ReadTar(rest)
	}
	return state, err
}

// below returns the files in a folder, with paths relative to it.
func below(files []hosts.File, folder string) []hosts.File {
	var found []hosts.File
	for _, file := range files {
		if name, ok := strings.CutPrefix(file.Path, folder); ok {
			file.Path = name
			found = append(found, file)
		}
	}
	return found
}

// list reads NUL-terminated entries up to an empty one.
func list(out []byte) (entries []string, rest []byte) {
	for {
		entry, after, _ := bytes.Cut(out, []byte{0})
		out = after
		if len(entry) == 0 {
			break
		}
		entries = append(entries, string(entry))
	}
	return entries, out
}

// parseFiles reads what the function files of state.sh prints.
func parseFiles(out []byte) (files []hosts.File, rest []byte, err error) {
	entries, out := list(out)
	files = make([]hosts.File, len(entries))
	for i, entry := range entries {
		mode, name, _ := strings.Cut(entry, "\t")
		mode, _, _ = strings.Cut(mode, " ")
		line, after, _ := bytes.Cut(out, []byte("\n"))
		kind, size, found := strings.Cut(string(line), " ")
		switch {
		case !found:
			return nil, nil, fmt.Errorf("unexpected object %q", line)
		case size == "missing": // a submodule
			out = after
			continue
		}
		content, after, err := take(after, size)
		if err != nil || len(after) == 0 {
			return nil, nil, fmt.Errorf("unexpected object %q", line)
		}
		out = after[1:] // a line feed follows the object
		if kind == "blob" {
			files[i] = object(mode, name, content)
		}
	}
	for {
		line, after, found := bytes.Cut(out, []byte("\n"))
		if string(line) == "end" {
			files = slices.DeleteFunc(files, func(f hosts.File) bool { return f.Path == "" })
			return files, after, nil
		}
		number, size, _ := strings.Cut(string(line), " ")
		i, err := strconv.Atoi(number)
		if !found || err != nil || i < 0 || i >= len(files) {
			return nil, nil, fmt.Errorf("unexpected file %q", line)
		}
		content, after, err := take(after, size)
		if err != nil {
			return nil, nil, fmt.Errorf("unexpected file %q", line)
		}
		if files[i].Mode.IsRegular() {
			files[i].Content = content
		}
		out = after
	}
}

// take splits off the first bytes, whose number is in decimal.
func take(out []byte, size string) (content, rest []byte, err error) {
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 || n > len(out) {
		return nil, nil, errors.New("unexpected size")
	}
	return out[:n:n], out[n:], nil
}

func object(mode, name string, content []byte) hosts.File {
	file := hosts.File{Path: name, Mode: FileMode(mode), Content: content}
	if mode == gitLink {
		file.Link, file.Content = string(content), nil
	}
	return file
}
