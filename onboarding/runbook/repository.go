package runbook

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// repositoryChecks check the platform's repository: whether commits and deploys can be made, and
// which domains it has.
type repositoryChecks struct {
	repo    *repo.Repo
	config  settings.Config
	folders *deployFolders
}

// deployed reports whether the domain has a deploy folder in the repository, by the folder's name
// or by the services.yaml in it, which may name another domain.
func (r *repositoryChecks) deployed(ctx context.Context, domain string) (bool, error) {
	var folders []string
	var archive []byte
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		folders, err = r.repo.Domains(ctx)
		return err
	})
	group.Go(func() (err error) {
		// The archive holds the services.yaml of every domain and no other file.
		pathspec := ":(glob)" + path.Join(path.Dir(r.repo.Folder("x")), "*", servicesFile)
		archive, err = r.repo.Host().Output(ctx, r.git("archive", "--format=tar", "HEAD", "--", pathspec))
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
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		src, err := io.ReadAll(reader)
		if err != nil {
			return false, err
		}
		// A file that cannot be parsed is no reason to refuse another domain; the name of its
		// folder is compared elsewhere.
		services, err := deployconfig.ReadServices(src)
		if err == nil && (services.Domain == domain ||
			slices.Contains(services.Aliases, domain) || slices.Contains(services.Aliases, "www."+domain)) {
			return true, nil
		}
	}
}

// git is a command that only reads.
func (r *repositoryChecks) git(args ...string) hosts.Command {
	return hosts.Command{Argv: append([]string{"git", "--no-optional-locks"}, args...), Dir: r.repo.Dir()}
}

// check finds what would stop a commit or a deploy of the sites.
func (r *repositoryChecks) check(ctx context.Context, run *onboarding.Run, sites []*site) []onboarding.Finding {
	host := r.repo.Host()
	if !host.Connected() { // one connection for all that follows
		if _, err := host.Ping(ctx); err != nil {
			return []onboarding.Finding{unreached(host, err)}
		}
	}
	found := make([][]onboarding.Finding, 1+len(sites))
	var unpushed []repo.Unpushed
	var group errgroup.Group
	group.SetLimit(checksAtOnce)
	group.Go(func() error {
		found[0] = r.checkWorkTree(ctx)
		return nil
	})
	for i, site := range sites {
		group.Go(func() error {
			finding, have := r.checkFolder(ctx, run, site)
			if i == 0 && have != nil {
				unpushed = have.repo.Unpushed
			}
			found[1+i] = []onboarding.Finding{finding}
			return nil
		})
	}
	_ = group.Wait() // checks report in their findings
	found[0] = append(found[0], checkUnpushed(unpushed))
	return slices.Concat(found...)
}

// checkFolder plans the deploy config, so a template that cannot be edited is found now. It also
// returns the folder, if it could be observed.
func (r *repositoryChecks) checkFolder(ctx context.Context, run *onboarding.Run,
	s *site) (onboarding.Finding, *folder) {
	name := "deploy config of " + s.domain
	var planned *plannedFolder
	have, err := r.folders.observe(ctx, s)
	if err == nil {
		planned, err = r.folders.plan(ctx, run, have)
	}
	if err == nil {
		err = r.folders.checkScript(ctx, planned.script)
	}
	switch {
	case err != nil:
		return onboarding.Failing(name, "Correct what is said here, then retry.", "%v", err), have
	case len(have.repo.Committed) > 0:
		return onboarding.Passed(name, "%s is there", s.folder), have
	case planned.embedded:
		return onboarding.Doubtful(name, "Commit one, or leave it so.",
			"the repository has no %s: the bot's own template is used", r.config.Repository.Template), have
	}
	return onboarding.Passed(name, "%d files from the template", len(planned.files)), have
}

// worktreeScript prints a line for everything about the work tree that is wrong: a word, a tab,
// what was seen. Its arguments are BRANCH REMOTE PROGRAM TOOLS.
//
//go:embed repository.sh
var worktreeScript string

// worktreeProblems are by the words of the script, each as a person reads it and with its fix.
var worktreeProblems = map[string]struct{ reads, fix string }{
	"branch":  {"%[1]s is on the branch %[2]q", "Check out the configured branch there."},
	"index":   {"%[2]s is there: git is at work, or was killed", "If no git command runs there, remove the file."},
	"program": {"%[2]s is not a program in %[1]s", "Make it executable there, or correct deploy.command."},
	"remote": {"the remote of %[1]s does not answer: %[2]s",
		"See that it can be reached from there and has the branch."},
	"behind": {"%[2]s that are missing in %[1]s", "Pull with rebase there."},
}

// checkWorkTree checks the work tree and its remote in one round trip.
func (r *repositoryChecks) checkWorkTree(ctx context.Context) []onboarding.Finding {
	const name = "repository"
	config, host, program := r.config.Repository, r.repo.Host(), r.config.Deploy.Command[0]
	where := host.Name() + ":" + r.repo.Dir()
	out, err := host.Output(ctx, hosts.Command{Dir: r.repo.Dir(),
		Argv: []string{"sh", "-c", worktreeScript, "onboardbot", config.Branch, config.Remote, program, hosts.Tools}})
	if errors.Is(err, hosts.ErrUnreachable) {
		return []onboarding.Finding{unreached(host, err)}
	}
	if err != nil {
		return []onboarding.Finding{reached(host, nil),
			onboarding.Failing(name, "Check repository.dir and the account's rights there.", "%v", err)}
	}
	var missing []string
	var findings []onboarding.Finding
	for line := range strings.Lines(string(out)) {
		word, seen, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if word == "tool" {
			missing = append(missing, seen)
		}
		if known, ok := worktreeProblems[word]; ok {
			findings = append(findings,
				onboarding.Failing(name, known.fix, "%s", fmt.Sprintf(known.reads, where, seen)))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, onboarding.Passed(name, "%s is on %s and up to date, and %s is there",
			where, config.Branch, program))
	}
	return append([]onboarding.Finding{reached(host, missing)}, findings...)
}

// checkUnpushed finds commits of others, which a push would publish with its own.
func checkUnpushed(commits []repo.Unpushed) onboarding.Finding {
	const name = "unpushed commits"
	for _, commit := range commits {
		if !commit.Own {
			return onboarding.Failing(name, "Push it or take it off the branch.",
				"a commit of %s is not pushed: %s", commit.Author, commit.Subject)
		}
	}
	return onboarding.Passed(name, "none of others")
}
