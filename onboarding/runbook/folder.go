package runbook

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
)

// The files of a deploy folder that name its domain.
const (
	servicesFile = "services.yaml"
	scriptFile   = "deploy.sh"
	nginxFile    = "nginx/prod.conf"
)

// deployFolders observes and plans the deploy folders of domains in the platform's repository.
type deployFolders struct {
	repo         *repo.Repo
	config       settings.Config
	assets       Assets
	applications *applications
	scripts      sync.Map // SHA-256 of every deploy.sh that bash has read
}

// folder is a domain's deploy folder as it is committed, and the state of the repository around
// it.
type folder struct {
	repo  *repo.State
	site  *site
	files []hosts.File // those that are committed, or will be
}

// observe returns the deploy folder of a site.
func (d *deployFolders) observe(ctx context.Context, s *site) (*folder, error) {
	state, err := d.repo.Look(ctx, s.domain)
	return newFolder(s, state, err)
}

// observeIdle is observe once nothing that the bot started, now or before a restart, works on the
// repository.
func (d *deployFolders) observeIdle(ctx context.Context, s *site) (*folder, error) {
	state, err := d.repo.LookIdle(ctx, s.domain)
	return newFolder(s, state, err)
}

func newFolder(s *site, state *repo.State, err error) (*folder, error) {
	if err != nil {
		return nil, err
	}
	return &folder{repo: state, site: s, files: state.Committed}, nil
}

// find returns a file of a tree, nil if there is none.
func find(files []hosts.File, name string) *hosts.File {
	i := slices.IndexFunc(files, func(f hosts.File) bool { return f.Path == name && f.Mode.IsRegular() })
	if i < 0 {
		return nil
	}
	return &files[i]
}

// required returns a file of the folder that must exist.
func (f *folder) required(name string) (hosts.File, error) {
	found := find(f.files, name)
	if found == nil {
		return hosts.File{}, onboarding.Conflictf("Restore it, then retry.", "%s is not in the repository.",
			path.Join(f.site.folder, name))
	}
	return *found, nil
}

// change is the change of one file of the folder. before is nil for a new file.
func (f *folder) change(file hosts.File, before []byte) onboarding.FileChange {
	mode := "100644"
	if file.Mode.Perm()&0o111 != 0 {
		mode = "100755"
	}
	return onboarding.NewFileChange(path.Join(f.site.folder, file.Path), mode, before,
		append([]byte{}, file.Content...))
}

// commit returns the change that makes files of the folder what is wanted, empty if they are and
// the remote has them.
func (d *deployFolders) commit(s *scope, have *folder, subject string,
	wanted []hosts.File) (onboarding.Change, error) {
	commit := &onboarding.Commit{Folder: s.site.folder, Subject: subject}
	committed := &onboarding.Commit{Folder: s.site.folder, Subject: subject}
	for _, file := range wanted {
		if !file.Mode.IsRegular() {
			return onboarding.Change{}, onboarding.Conflictf("Replace it with a file.",
				"%s is a symbolic link, which a deploy folder cannot have.", file.Path)
		}
		before := find(have.files, file.Path)
		switch {
		case before == nil:
			commit.Files = append(commit.Files, have.change(file, nil))
		case !bytes.Equal(before.Content, file.Content):
			commit.Files = append(commit.Files, have.change(file, before.Content))
		default:
			committed.Files = append(committed.Files, have.change(file, file.Content))
		}
	}
	if len(commit.Files) > 0 {
		return commitChange(commit), nil
	}
	return d.push(s, have, committed), nil
}

func commitChange(commit *onboarding.Commit) onboarding.Change {
	return onboarding.Change{Summary: "Commit: " + commit.Subject, Items: []onboarding.Item{{Commit: commit}}}
}

// push returns the change for a commit that exists and whose push failed: applying it makes no
// commit and pushes.
func (d *deployFolders) push(s *scope, have *folder, committed *onboarding.Commit) onboarding.Change {
	unpushed := slices.ContainsFunc(have.repo.Unpushed, func(c repo.Unpushed) bool {
		return c.Own && c.Subject == committed.Subject
	})
	if d.applications.ended(s) || !unpushed {
		return onboarding.Change{}
	}
	return onboarding.Change{Summary: "Push the commit: " + committed.Subject,
		Items: []onboarding.Item{{Commit: committed}}}
}
