package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// lock is what every change to the work tree holds on the host.
const lock = "repo"

// Repo is the platform's repository. It is safe for concurrent use.
type Repo struct {
	host   *hosts.Host
	config Config
	author *mail.Address
}

// New checks the configuration, with its defaults filled in, and looks at nothing yet.
func New(host *hosts.Host, config Config) (*Repo, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	author, err := mail.ParseAddress(config.Author)
	if err != nil {
		return nil, fmt.Errorf("repo: author: %w", err)
	}
	return &Repo{host, config, author}, nil
}

// Folder is a domain's deploy folder, relative to the work tree.
func (r *Repo) Folder(domain string) string { return path.Join(r.config.DomainsDir, domain) }

// Host is where the repository lives.
func (r *Repo) Host() *hosts.Host { return r.host }

// Dir is the work tree on the host.
func (r *Repo) Dir() string { return r.config.Dir }

// WaitIdle waits until nothing that this program started, in this life or an earlier one, works on the repository.
func (r *Repo) WaitIdle(ctx context.Context) error { return r.host.WaitIdle(ctx, lock) }

// git is a command that only looks. Its paths are taken as they are, and no index is refreshed on the way.
func (r *Repo) git(args ...string) hosts.Command {
	return hosts.Command{
		Argv: append([]string{"git", "--literal-pathspecs", "--no-optional-locks", "-c", "core.quotePath=false"}, args...),
		Dir:  r.config.Dir,
		Env:  map[string]string{"LC_ALL": "C"},
	}
}

// script runs a script that only looks. Its text is nobody's reading, so an error holds what it printed alone.
func (r *Repo) script(ctx context.Context, script string, args ...string) ([]byte, error) {
	out, err := r.host.Output(ctx, hosts.Command{Argv: append([]string{"sh", "-c", script, "onboardbot"}, args...), Dir: r.config.Dir})
	var exit *hosts.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%s: exit status %d: %s", exit.Host, exit.Code, exit.Tail)
	}
	return out, err
}

// Head is what is checked out.
type Head struct {
	Commit string // full hash
	Branch string // empty on a detached HEAD
}

// Head says what is checked out.
func (r *Repo) Head(ctx context.Context) (Head, error) {
	out, err := r.host.Output(ctx, r.git("rev-parse", "HEAD", "--abbrev-ref", "HEAD"))
	if err != nil {
		return Head{}, fmt.Errorf("repo: %w", err)
	}
	commit, branch, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if branch == "HEAD" {
		branch = ""
	}
	return Head{commit, branch}, nil
}

// dirtyScript prints where in its repository the work tree is, and what differs: FOLDER. Git's paths begin at the repository.
const dirtyScript = `git rev-parse --show-prefix && exec git --literal-pathspecs --no-optional-locks status --porcelain=v1 -z --no-renames --untracked-files=all -- "$1"`

// Dirty lists what differs from HEAD below a folder, staged, changed or untracked, as paths relative to the work tree; "."
// means all of it.
func (r *Repo) Dirty(ctx context.Context, under string) ([]string, error) {
	out, err := r.script(ctx, dirtyScript, under)
	if err != nil {
		return nil, fmt.Errorf("repo: status of %s: %w", under, err)
	}
	prefix, status, _ := strings.Cut(string(out), "\n")
	var paths []string
	for entry := range strings.SplitSeq(status, "\x00") {
		if len(entry) > 3 { // XY, a space, the path: git-status(1)
			paths = append(paths, strings.TrimPrefix(entry[3:], prefix))
		}
	}
	return paths, nil
}

// Unpushed is a commit that is on the branch here and not on the remote.
type Unpushed struct {
	Commit  string
	Author  string // name and address
	Subject string
	Own     bool // made by this program
}

// Unpushed lists the commits that the remote did not have when it was last heard of from here, newest first. Without a
// remote there are none. Apply pushes its own, and refuses to push those of others.
func (r *Repo) Unpushed(ctx context.Context) ([]Unpushed, error) {
	if r.config.Remote == "" {
		return nil, nil
	}
	span := "refs/remotes/" + r.config.Remote + "/" + r.config.Branch + "..refs/heads/" + r.config.Branch
	out, err := r.host.Output(ctx, r.git("log", "-z", "--format=%H%x09%ce%x09%an <%ae>%x09%s", span, "--"))
	if err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	var commits []Unpushed
	for entry := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if fields := strings.SplitN(entry, "\t", 4); len(fields) == 4 {
			commits = append(commits, Unpushed{Commit: fields[0], Author: fields[2], Subject: fields[3], Own: fields[1] == r.author.Address})
		}
	}
	return commits, nil
}

// WorkTree returns the files in a folder as they are now, with paths relative to that folder; none where there is no folder.
func (r *Repo) WorkTree(ctx context.Context, dir string) ([]hosts.File, error) {
	if err := checkPath(dir); err != nil {
		return nil, err
	}
	files, err := r.host.ReadTree(ctx, path.Join(r.config.Dir, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return files, err
}

// Domains lists the folders of DomainsDir in the work tree: the domains that are deployed or about to be.
func (r *Repo) Domains(ctx context.Context) ([]string, error) {
	out, err := r.host.Output(ctx, hosts.Command{
		Argv: []string{"find", "./" + r.config.DomainsDir, "-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf", `%f\0`},
		Dir:  r.config.Dir,
	})
	if err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	names := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	return names, nil
}

// Template returns the files that a new domain's folder begins with, as they are at HEAD, and whether there are any.
func (r *Repo) Template(ctx context.Context) ([]hosts.File, bool, error) {
	files, err := r.Tree(ctx, "HEAD", r.config.templateDir())
	return files, len(files) > 0, err
}

// treeScript lists a tree, a NUL, and the content of every entry in that order, or nothing without that tree: REVISION DIR.
const treeScript = `git rev-parse --quiet --verify "$1^{commit}" >/dev/null || { echo "no commit $1" >&2; exit 1; }
tree=$(git rev-parse --quiet --verify "$1:./$2") && [ "$(git cat-file -t "$tree")" = tree ] || exit 0
git ls-tree -rz --full-tree "$tree" && printf '\0' && git ls-tree -r --full-tree --object-only "$tree" | git cat-file --batch`

// Tree returns the files in a folder as they are in a commit, with paths relative to that folder; none where the commit has
// no such folder. Submodules are left out.
func (r *Repo) Tree(ctx context.Context, revision, dir string) ([]hosts.File, error) {
	if err := checkPath(dir); err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	if !branchName.MatchString(revision) {
		return nil, fmt.Errorf("repo: revision %q is neither a hash nor a name", revision)
	}
	out, err := r.script(ctx, treeScript, revision, dir)
	if err != nil {
		return nil, fmt.Errorf("repo: %s:%s: %w", revision, dir, err)
	}
	files, err := parseTree(out)
	if err != nil {
		return nil, fmt.Errorf("repo: %s:%s: %w", revision, dir, err)
	}
	return files, nil
}

// parseTree reads git-ls-tree(1) -z and git-cat-file(1) --batch.
func parseTree(out []byte) ([]hosts.File, error) {
	list, contents, found := bytes.Cut(out, []byte("\x00\x00"))
	if !found {
		return nil, nil
	}
	var files []hosts.File
	for entry := range bytes.SplitSeq(list, []byte{0}) {
		meta, name, ok := strings.Cut(string(entry), "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 {
			return nil, fmt.Errorf("unexpected entry %q", entry)
		}
		header, rest, _ := bytes.Cut(contents, []byte("\n"))
		if fields[1] == "commit" { // a submodule: "HASH missing"
			contents = rest
			continue
		}
		words := strings.Fields(string(header))
		if len(words) != 3 {
			return nil, fmt.Errorf("unexpected object %q", header)
		}
		size, err := strconv.Atoi(words[2])
		if err != nil || size < 0 || size+1 > len(rest) {
			return nil, fmt.Errorf("unexpected object %q", header)
		}
		file := hosts.File{Path: name, Mode: 0o644, Content: rest[:size:size]}
		switch fields[0] {
		case "100755":
			file.Mode = 0o755
		case "120000":
			file.Mode, file.Link, file.Content = fs.ModeSymlink|0o777, string(file.Content), nil
		}
		files, contents = append(files, file), rest[size+1:]
	}
	return files, nil
}
