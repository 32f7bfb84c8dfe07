package folder

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// The files of a deploy folder that name its domain.
const (
	ServicesFile = "services.yaml"
	ScriptFile   = "deploy.sh"
	NginxFile    = "nginx/prod.conf"
)

// Planner observes and plans the deploy folders of domains in the platform's repository.
type Planner struct {
	repo    *repo.Repo
	config  settings.Config
	assets  Assets
	scripts sync.Map // SHA-256 of every deploy.sh that bash has read
}

// Assets are contents that requests name by their SHA-256, in lower-case hexadecimal.
type Assets interface {
	Get(ctx context.Context, digest string) ([]byte, error)
}

// NewPlanner returns the planner of folders in a repository.
func NewPlanner(repo *repo.Repo, config settings.Config, assets Assets) *Planner {
	return &Planner{repo: repo, config: config, assets: assets}
}

// Repo is the repository that holds the folders.
func (p *Planner) Repo() *repo.Repo { return p.repo }

// Folder is a domain's deploy folder as it is committed, and the state of the repository around
// it.
type Folder struct {
	Repo  *repo.State
	Site  *site.Site
	Files []hosts.File // those that are committed, or will be

	subject func(does string) string
}

// Observe returns the deploy folder of a site.
func (p *Planner) Observe(ctx context.Context, s *site.Site) (*Folder, error) {
	state, err := p.repo.Observe(ctx, s.Domain)
	if err != nil {
		return nil, err
	}
	return &Folder{Repo: state, Site: s, Files: state.Committed, subject: p.repo.Subject}, nil
}

// Find returns a file of a tree, nil if there is none.
func Find(files []hosts.File, name string) *hosts.File {
	i := slices.IndexFunc(files, func(f hosts.File) bool { return f.Path == name && f.Mode.IsRegular() })
	if i < 0 {
		return nil
	}
	return &files[i]
}

// Required returns a file of the folder that must exist.
func (f *Folder) Required(name string) (hosts.File, error) {
	found := Find(f.Files, name)
	if found == nil {
		return hosts.File{}, onboarding.Conflictf("Restore it, then retry.", "%s is not in the repository.",
			path.Join(f.Site.Folder, name))
	}
	return *found, nil
}

// Commit is a change of files of the folder.
type Commit struct {
	Does  string       // what it does, in the imperative
	Files []hosts.File // as they are to be
	Gone  []string     // the paths of those that are not to be
}

// Commit returns the change that makes files of the folder what is wanted, empty if they are and
// the remote has the folder. What only has to be pushed is part of it: the difference between the
// folder here and on the remote, so what is left of an approved change is known as such.
func (f *Folder) Commit(wanted Commit) (onboarding.Change, error) {
	commit := &onboarding.Commit{Folder: f.Site.Folder, Subject: f.subject(wanted.Does), Rebase: f.Repo.Behind}
	for _, file := range wanted.Files {
		if !file.Mode.IsRegular() {
			return onboarding.Change{}, onboarding.Conflictf("Replace it with a file.",
				"%s is a symbolic link, which a deploy folder cannot have.", file.Path)
		}
		var content []byte
		if !slices.Contains(wanted.Gone, file.Path) {
			content = append([]byte{}, file.Content...)
		}
		if here := ContentOf(f.Files, file.Path); !SameFile(here, content) {
			commit.Files = append(commit.Files, f.change(file, here, content))
		}
	}
	summary := "Commit: "
	if len(commit.Files) == 0 {
		summary = "Push the commit: "
	}
	if commit.Files = append(commit.Files, f.unpushed(commit.Files)...); len(commit.Files) == 0 {
		return onboarding.Change{}, nil
	}
	commit.Unpushed = f.others(commit.Files)
	return onboarding.Change{Summary: summary + commit.Subject, Items: []onboarding.Item{{Commit: commit}}}, nil
}

// unpushed are the changes of files that are committed, and that the remote does not have, but for
// those of files that are changed anyhow.
func (f *Folder) unpushed(changed []onboarding.FileChange) []onboarding.FileChange {
	var changes []onboarding.FileChange
	for _, file := range overlay(f.Repo.Remote, f.Repo.Committed) {
		here, there := ContentOf(f.Repo.Committed, file.Path), ContentOf(f.Repo.Remote, file.Path)
		change := f.change(file, there, here)
		if file.Mode.IsRegular() && !SameFile(here, there) && !slices.ContainsFunc(changed,
			func(c onboarding.FileChange) bool { return c.Path == change.Path }) {
			changes = append(changes, change)
		}
	}
	return changes
}

// others are the commits in the bot's name that a push would publish beside a commit, oldest
// first, each with what it changes but for changes that the commit has as well.
func (f *Folder) others(shown []onboarding.FileChange) []onboarding.UnpushedCommit {
	var others []onboarding.UnpushedCommit
	for _, commit := range slices.Backward(f.Repo.Unpushed) {
		if !commit.Own {
			continue // it is refused
		}
		other := onboarding.UnpushedCommit{Commit: commit.Commit, Run: commit.Run,
			Digest: onboarding.Digest(commit.Digest), Subject: strings.ToValidUTF8(commit.Subject, "\uFFFD")}
		for _, file := range commit.Files {
			change := onboarding.NewFileChange(file.Path, repo.GitMode(file.Mode), file.Before, file.After)
			if !slices.ContainsFunc(shown, change.Same) {
				other.Files = append(other.Files, change)
			}
		}
		others = append(others, other)
	}
	return others
}

// change is the change of one file of the folder. No content is no file.
func (f *Folder) change(file hosts.File, before, after []byte) onboarding.FileChange {
	return onboarding.NewFileChange(path.Join(f.Site.Folder, file.Path), repo.GitMode(file.Mode), before, after)
}

// ContentOf is the content of a file of a tree, nil if there is none.
func ContentOf(files []hosts.File, name string) []byte {
	if found := Find(files, name); found != nil {
		return append([]byte{}, found.Content...)
	}
	return nil
}

// SameFile compares the contents of two files; nil is no file.
func SameFile(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
