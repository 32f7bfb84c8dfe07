package repo

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// State is what matters to one domain's folder. Paths of files are relative to their folder, and
// submodules are left out.
type State struct {
	// Committed are the folder's files at HEAD, none where it has no such folder. As all files here
	// they are what git filters make of them in the work tree, gitattributes(5).
	Committed []hosts.File
	// Template are the files at HEAD that a new domain's folder begins with.
	Template []hosts.File
	// Present are the folder's files in the work tree.
	Present []hosts.File
	// Domains are the folders beside it in the work tree, sorted.
	Domains []string
	// Unpushed are the commits that the remote did not have when it was last heard of from here,
	// newest first. Without a remote there are none. Apply pushes its own, and refuses to push
	// those of others.
	Unpushed []Unpushed
}

// Unpushed is a commit that is on the branch here and not on the remote.
type Unpushed struct {
	Commit  string
	Author  string // name and address
	Subject string
	Own     bool // made by this program
}

//go:embed state.sh
var stateScript string

// Observe returns the state of a domain's folder in one round trip.
func (r *Repo) Observe(ctx context.Context, domain string) (*State, error) {
	return r.observe(ctx, domain, "")
}

// ObserveIdle is Observe once nothing that this program started, now or before a restart, works on
// the repository.
func (r *Repo) ObserveIdle(ctx context.Context, domain string) (*State, error) {
	return r.observe(ctx, domain, lock)
}

func (r *Repo) observe(ctx context.Context, domain, idle string) (*State, error) {
	folder, template := r.Folder(domain), r.config.templateDir()
	if err := checkPath(folder); err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	if path.Dir(folder) != r.config.DomainsDir {
		return nil, fmt.Errorf("repo: observe %q: %w", domain, ErrOutside)
	}
	span := ""
	if r.config.Remote != "" {
		span = "refs/remotes/" + r.config.Remote + "/" + r.config.Branch + "..refs/heads/" + r.config.Branch
	}
	out, err := r.host.Output(ctx, hosts.Command{Dir: r.config.Dir, Idle: idle,
		Argv: []string{"bash", "-c", stateScript, "onboardbot", folder, template, r.config.DomainsDir, span}})
	var exit *hosts.ExitError
	if errors.As(err, &exit) { // without the text of the script
		err = fmt.Errorf("%s: exit status %d: %s", exit.Host, exit.Code, exit.Tail)
	}
	var state *State
	if err == nil {
		state, err = r.parse(out, folder+"/", template+"/")
	}
	if err != nil {
		return nil, fmt.Errorf("repo: observe %s: %w", folder, err)
	}
	return state, nil
}

func (r *Repo) parse(out []byte, folder, template string) (*State, error) {
	files, rest, err := parseObjects(out)
	if err != nil {
		return nil, err
	}
	filtered, rest, err := parseObjects(rest)
	if err != nil {
		return nil, err
	}
	for _, file := range filtered {
		i := slices.IndexFunc(files, func(f hosts.File) bool { return f.Path == file.Path && f.Mode.IsRegular() })
		if i >= 0 {
			files[i].Content = file.Content
		}
	}
	state := &State{}
	for _, file := range files {
		if name, ok := strings.CutPrefix(file.Path, folder); ok {
			file.Path = name
			state.Committed = append(state.Committed, file)
		} else if name, ok := strings.CutPrefix(file.Path, template); ok {
			file.Path = name
			state.Template = append(state.Template, file)
		}
	}
	commits, rest := list(rest)
	for _, entry := range commits {
		if fields := strings.SplitN(entry, "\t", 4); len(fields) == 4 {
			state.Unpushed = append(state.Unpushed,
				Unpushed{Commit: fields[0], Author: fields[2], Subject: fields[3], Own: fields[1] == r.author.Address})
		}
	}
	state.Domains, rest = list(rest)
	slices.Sort(state.Domains)
	if len(rest) > 0 {
		state.Present, err = hosts.ReadTar(rest)
	}
	return state, err
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

// parseObjects reads git-cat-file(1) --batch up to the line "end".
func parseObjects(out []byte) (files []hosts.File, rest []byte, err error) {
	for {
		line, after, found := bytes.Cut(out, []byte("\n"))
		fields := strings.SplitN(string(line), " ", 4) // type size mode path
		switch {
		case string(line) == "end":
			return files, after, nil
		case found && len(fields) == 2 && fields[1] == "missing": // a submodule
			out = after
			continue
		case len(fields) != 4:
			return nil, nil, fmt.Errorf("unexpected object %q", line)
		}
		size, err := strconv.Atoi(fields[1])
		if err != nil || size < 0 || size+1 > len(after) {
			return nil, nil, fmt.Errorf("unexpected object %q", line)
		}
		file, err := object(fields[2], fields[3], after[:size:size])
		if err != nil {
			return nil, nil, err
		}
		files, out = append(files, file), after[size+1:]
	}
}

func object(mode, name string, content []byte) (hosts.File, error) {
	file := hosts.File{Path: name, Mode: 0o644, Content: content}
	if strings.HasPrefix(name, `"`) { // git quotes as C does, git-config(1) core.quotePath
		var err error
		if file.Path, err = strconv.Unquote(name); err != nil {
			return file, fmt.Errorf("unexpected name %s", name)
		}
	}
	switch mode {
	case "100755":
		file.Mode = 0o755
	case "120000":
		file.Mode, file.Link, file.Content = fs.ModeSymlink|0o777, string(content), nil
	}
	return file, nil
}
