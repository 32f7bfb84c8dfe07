package folder

import (
	"bytes"
	"context"
	"path"
	"slices"
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
}

// Observe returns the deploy folder of a site.
func (d *Planner) Observe(ctx context.Context, s *site.Site) (*Folder, error) {
	state, err := d.repo.Observe(ctx, s.Domain)
	return newFolder(s, state, err)
}

// ObserveIdle is Observe once nothing that the bot started, now or before a restart, works on the
// repository.
func (d *Planner) ObserveIdle(ctx context.Context, s *site.Site) (*Folder, error) {
	state, err := d.repo.ObserveIdle(ctx, s.Domain)
	return newFolder(s, state, err)
}

func newFolder(s *site.Site, state *repo.State, err error) (*Folder, error) {
	if err != nil {
		return nil, err
	}
	return &Folder{Repo: state, Site: s, Files: state.Committed}, nil
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

// change is the change of one file of the folder. before is nil for a new file.
func (f *Folder) change(file hosts.File, before []byte) onboarding.FileChange {
	mode := "100644"
	if file.Mode.Perm()&0o111 != 0 {
		mode = "100755"
	}
	return onboarding.NewFileChange(path.Join(f.Site.Folder, file.Path), mode, before,
		append([]byte{}, file.Content...))
}

// Commit is a change of files of the folder.
type Commit struct {
	Subject string
	Files   []hosts.File // as they are to be
	// Pushed says that the push of such a commit is known to have succeeded.
	Pushed bool
}

// Commit returns the change that makes files of the folder what is wanted, empty if they are and
// the remote has them.
func (f *Folder) Commit(wanted Commit) (onboarding.Change, error) {
	commit := &onboarding.Commit{Folder: f.Site.Folder, Subject: wanted.Subject}
	committed := &onboarding.Commit{Folder: f.Site.Folder, Subject: wanted.Subject}
	for _, file := range wanted.Files {
		if !file.Mode.IsRegular() {
			return onboarding.Change{}, onboarding.Conflictf("Replace it with a file.",
				"%s is a symbolic link, which a deploy folder cannot have.", file.Path)
		}
		before := Find(f.Files, file.Path)
		switch {
		case before == nil:
			commit.Files = append(commit.Files, f.change(file, nil))
		case !bytes.Equal(before.Content, file.Content):
			commit.Files = append(commit.Files, f.change(file, before.Content))
		default:
			committed.Files = append(committed.Files, f.change(file, file.Content))
		}
	}
	return f.Change(commit, committed, wanted.Pushed), nil
}

// Change returns the change for a commit. If the commit has no files, the change is the push of
// one that exists and whose push failed: applying it makes no commit and pushes.
func (f *Folder) Change(commit, committed *onboarding.Commit, pushed bool) onboarding.Change {
	if len(commit.Files) > 0 {
		return onboarding.Change{Summary: "Commit: " + commit.Subject, Items: []onboarding.Item{{Commit: commit}}}
	}
	unpushed := slices.ContainsFunc(f.Repo.Unpushed, func(c repo.Unpushed) bool {
		return c.Own && c.Subject == committed.Subject
	})
	if pushed || !unpushed {
		return onboarding.Change{}
	}
	return onboarding.Change{
		Summary: "Push the commit: " + committed.Subject,
		Items:   []onboarding.Item{{Commit: committed}},
	}
}
