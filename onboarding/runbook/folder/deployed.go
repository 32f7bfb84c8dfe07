package folder

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Deployed reports whether the domain has a deploy folder in the repository, by the folder's name
// or by the services.yaml in it, which may name another domain.
func (p *Planner) Deployed(ctx context.Context, domain string) (bool, error) {
	var folders []string
	var archive []byte
	group, ctx := routine.WithContext(ctx)
	group.Go(func() (err error) {
		folders, err = p.repo.Domains(ctx)
		return err
	})
	group.Go(func() (err error) {
		// The archive holds the services.yaml of every domain and no other file.
		pathspec := ":(glob)" + path.Join(path.Dir(p.repo.Folder("x")), "*", ServicesFile)
		archive, err = p.repo.Host().Output(ctx, p.git("archive", "--format=tar", "HEAD", "--", pathspec))
		return err
	})
	if err := group.Wait(); err != nil {
		return false, fmt.Errorf("deploy folders: %w", err)
	}
	if slices.Contains(folders, domain) {
		return true, nil
	}
	found, err := archiveNames(archive, domain)
	if err != nil {
		return false, fmt.Errorf("deploy folders: %w", err)
	}
	return found, nil
}

// archiveNames reports whether a services.yaml in the archive names the domain.
func archiveNames(archive []byte, domain string) (bool, error) {
	files, err := hosts.ReadTar(archive)
	if err != nil {
		return false, err
	}
	for _, file := range files {
		// A file that cannot be parsed is no reason to refuse another domain; the name of its
		// folder is compared elsewhere.
		services, err := deployconfig.ReadServices(file.Content)
		if err != nil {
			continue
		}
		names := append(slices.Clone(services.Aliases), services.Domain)
		if slices.Contains(names, domain) || slices.Contains(services.Aliases, "www."+domain) {
			return true, nil
		}
	}
	return false, nil
}

// git is a command that only reads.
func (p *Planner) git(args ...string) hosts.Command {
	return hosts.Command{Argv: append([]string{"git", "--no-optional-locks"}, args...), Dir: p.repo.Dir()}
}
