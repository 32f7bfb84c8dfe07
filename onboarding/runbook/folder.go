package runbook

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// The files of a deploy folder that say whose it is.
const (
	servicesFile = "services.yaml"
	scriptFile   = "deploy.sh"
	nginxFile    = "nginx/prod.conf"
)

// folder is a domain's deploy folder as it is committed, and what matters around it.
type folder struct {
	*repo.State
	site  *site
	files []hosts.File // Committed, or what it will be
}

// folder looks at a domain's deploy folder.
func (b *Runbook) folder(ctx context.Context, s *site) (*folder, error) {
	return folderOf(s, func() (*repo.State, error) { return b.repo.Look(ctx, s.domain) })
}

func folderOf(s *site, look func() (*repo.State, error)) (*folder, error) {
	state, err := look()
	if err != nil {
		return nil, err
	}
	return &folder{State: state, site: s, files: state.Committed}, nil
}

// find returns a file of a tree, nil if there is none.
func find(files []hosts.File, name string) *hosts.File {
	i := slices.IndexFunc(files, func(f hosts.File) bool { return f.Path == name && f.Mode.IsRegular() })
	if i < 0 {
		return nil
	}
	return &files[i]
}

// required returns a file of the folder that must be there.
func (f *folder) required(name string) (hosts.File, error) {
	found := find(f.files, name)
	if found == nil {
		return hosts.File{}, conflict("Restore it, then retry.", "%s is not in the repository.", path.Join(f.site.folder, name))
	}
	return *found, nil
}

// commit is the change that brings files of the folder to what is wanted, empty where they are and the remote has them.
func (b *Runbook) commit(v *view, have *folder, subject string, wanted []hosts.File) (onboarding.Change, error) {
	commit := &onboarding.Commit{Folder: v.folder, Subject: subject}
	settled := &onboarding.Commit{Folder: v.folder, Subject: subject}
	for _, file := range wanted {
		if !file.Mode.IsRegular() {
			return onboarding.Change{}, conflict("Replace it with a file.", "%s is a symbolic link, which a deploy folder cannot have.", file.Path)
		}
		before := find(have.files, file.Path)
		switch {
		case before == nil:
			commit.Files = append(commit.Files, have.change(file, nil))
		case !bytes.Equal(before.Content, file.Content):
			commit.Files = append(commit.Files, have.change(file, before.Content))
		default:
			settled.Files = append(settled.Files, have.change(file, file.Content))
		}
	}
	if len(commit.Files) > 0 {
		return onboarding.Change{Summary: "Commit: " + subject, Items: []onboarding.Item{{Commit: commit}}}, nil
	}
	return b.push(v, have, settled), nil
}

// push is the change for a commit that was made and whose push failed: carrying it out again makes none, and pushes.
func (b *Runbook) push(v *view, have *folder, made *onboarding.Commit) onboarding.Change {
	if b.ended(v) || !slices.ContainsFunc(have.Unpushed, func(c repo.Unpushed) bool { return c.Own && c.Subject == made.Subject }) {
		return onboarding.Change{}
	}
	return onboarding.Change{Summary: "Push the commit: " + made.Subject, Items: []onboarding.Item{{Commit: made}}}
}

func (f *folder) change(file hosts.File, before []byte) onboarding.FileChange {
	mode := "100644"
	if file.Mode.Perm()&0o111 != 0 {
		mode = "100755"
	}
	return onboarding.NewFileChange(path.Join(f.site.folder, file.Path), mode, before, append([]byte{}, file.Content...))
}

// remote is a site as it is on the VPS.
type remote struct {
	webroot bool
	conf    []byte // nil if there is none
	enabled link
}

// link is what stands where the site is enabled.
type link int

const (
	absent   link = iota
	linked        // a symbolic link to the site's configuration
	notALink      // something else, such as a copy
)

// remote looks at the VPS, once nothing there changes nginx any more if idle is its lock.
func (b *Runbook) remote(ctx context.Context, s *site, idle string) (*remote, error) {
	infos, err := s.host.Inspect(ctx, idle, s.webroot, s.enabled, s.conf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.domain, err)
	}
	if conf := infos[2]; conf.Exists && !conf.Broken && conf.Content == nil {
		return nil, fmt.Errorf("%s: %s on %s is not a file", s.domain, s.conf, s.hostName)
	}
	return &remote{webroot: infos[0].Exists, enabled: s.linkOf(infos[1]), conf: infos[2].Content}, nil
}

func (s *site) linkOf(info hosts.Info) link {
	target := info.Link
	if target != "" && !path.IsAbs(target) {
		target = path.Join(path.Dir(s.enabled), target)
	}
	switch {
	case !info.Exists:
		return absent
	case target != "" && path.Clean(target) == s.conf:
		return linked
	}
	return notALink
}
