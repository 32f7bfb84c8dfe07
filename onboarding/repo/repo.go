package repo

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"path"
	"slices"
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

// WaitIdle waits until nothing that this program started, in this life or an earlier one, works on
// the repository.
func (r *Repo) WaitIdle(ctx context.Context) error { return r.host.WaitIdle(ctx, lock) }

// git is a command that only looks. Its paths are taken as they are, and no index is refreshed on
// the way.
func (r *Repo) git(args ...string) hosts.Command {
	return hosts.Command{
		Argv: append([]string{"git", "--literal-pathspecs", "--no-optional-locks", "-c", "core.quotePath=false"},
			args...),
		Dir: r.config.Dir,
		Env: map[string]string{"LC_ALL": "C"},
	}
}

// script runs a script that only looks. Its text is nobody's reading, so an error holds what it
// printed alone.
func (r *Repo) script(ctx context.Context, script string, args ...string) ([]byte, error) {
	out, err := r.host.Output(ctx,
		hosts.Command{Argv: append([]string{"sh", "-c", script, "onboardbot"}, args...), Dir: r.config.Dir})
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

// dirtyScript prints where in its repository the work tree is, and what differs: FOLDER. Git's
// paths begin at the repository.
const dirtyScript = `git rev-parse --show-prefix && exec git --literal-pathspecs --no-optional-locks status --porcelain=v1 -z --no-renames --untracked-files=all -- "$1"`

// Dirty lists what differs from HEAD below a folder, staged, changed or untracked, as paths
// relative to the work tree; "." means all of it.
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

// Domains lists the folders of DomainsDir in the work tree: the domains that are deployed or about
// to be.
func (r *Repo) Domains(ctx context.Context) ([]string, error) {
	out, err := r.host.Output(ctx, hosts.Command{
		Argv: []string{"find", "./" + r.config.DomainsDir, "-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf",
			`%f\0`},
		Dir: r.config.Dir,
	})
	if err != nil {
		return nil, fmt.Errorf("repo: %w", err)
	}
	names := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	return names, nil
}
