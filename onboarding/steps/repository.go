package steps

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Deployed reports whether the domain is that of a deploy folder in the repository, by the folder's name or by what the services.yaml
// in it says, which may be another.
func (b *Runbook) Deployed(ctx context.Context, domain string) (bool, error) {
	folders, err := b.repo.Domains(ctx)
	if err != nil {
		return false, err
	}
	if slices.Contains(folders, domain) {
		return true, nil
	}
	// An archive holds the files that match and nothing else of the sites.
	archive, err := b.repo.Host().Output(ctx, b.git("archive", "--format=tar", "HEAD", "--", ":(glob)"+path.Join(path.Dir(b.repo.Folder("x")), "*", servicesFile)))
	if err != nil {
		return false, fmt.Errorf("deploy folders: %w", err)
	}
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("deploy folders: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		src, err := io.ReadAll(reader)
		if err != nil {
			return false, fmt.Errorf("deploy folders: %w", err)
		}
		// A file that cannot be read is another domain's trouble, and its folder's name was compared above.
		services, err := deployconfig.ReadServices(src)
		if err == nil && (services.Domain == domain || slices.Contains(services.Aliases, domain) || slices.Contains(services.Aliases, "www."+domain)) {
			return true, nil
		}
	}
}

// git is a command that only looks.
func (b *Runbook) git(args ...string) hosts.Command {
	return hosts.Command{Argv: append([]string{"git", "--no-optional-locks"}, args...), Dir: b.repo.Dir()}
}

// repositoryChecks look for what would stop a commit or a deploy.
func (b *Runbook) repositoryChecks(run *onboarding.Run, sites []*site) []check {
	return []check{b.checkBranch, b.checkIndex, b.checkRemote, b.checkTemplate, b.checkRun, func(ctx context.Context) []onboarding.Finding {
		var findings []onboarding.Finding
		for _, site := range sites {
			findings = append(findings, slices.Concat(b.checkClean(ctx, site), b.checkFolder(ctx, run, site))...)
		}
		return findings
	}}
}

func (b *Runbook) where() string { return b.repo.Host().Name() + ":" + b.repo.Dir() }

func (b *Runbook) checkBranch(ctx context.Context) []onboarding.Finding {
	const name = "repository"
	head, err := b.repo.Head(ctx)
	switch {
	case err != nil:
		return []onboarding.Finding{bad(name, "Check repository.dir and the account's rights there.", "%v", err)}
	case head.Branch != b.config.Repository.Branch:
		return []onboarding.Finding{bad(name, "Check out "+b.config.Repository.Branch+" there.", "%s is on the branch %q", b.where(), head.Branch)}
	}
	return []onboarding.Finding{good(name, "%s is on %s", b.where(), head.Branch)}
}

func (b *Runbook) checkIndex(ctx context.Context) []onboarding.Finding {
	const name = "git index"
	out, err := b.repo.Host().Output(ctx, b.git("rev-parse", "--path-format=absolute", "--git-path", "index.lock"))
	if err != nil {
		return []onboarding.Finding{bad(name, "Check repository.dir.", "%v", err)}
	}
	lock := strings.TrimSpace(string(out))
	infos, err := b.repo.Host().Stat(ctx, lock)
	if err != nil {
		return []onboarding.Finding{bad(name, "Check the account's rights there.", "%v", err)}
	}
	if infos[0].Exists && b.repo.WaitIdle(ctx) == nil { // a commit of another run has it for a moment
		if infos, err = b.repo.Host().Stat(ctx, lock); err == nil && infos[0].Exists {
			return []onboarding.Finding{bad(name, "If no git command runs there, remove the file.", "%s is there: git is at work, or was killed", lock)}
		}
	}
	return []onboarding.Finding{good(name, "not locked")}
}

// checkRemote looks whether a push would go through: nothing there that is missing here, and nothing of others to publish.
func (b *Runbook) checkRemote(ctx context.Context) []onboarding.Finding {
	name, remote, branch := "git remote", b.config.Repository.Remote, b.config.Repository.Branch
	if remote == "" {
		return []onboarding.Finding{good(name, "none: commits stay where they are")}
	}
	out, err := b.repo.Host().Output(ctx, b.git("ls-remote", "--exit-code", remote, "refs/heads/"+branch))
	if err != nil {
		return []onboarding.Finding{bad(name, "See that "+remote+" can be reached from there and has the branch "+branch+".", "%v", err)}
	}
	tip, _, _ := strings.Cut(string(out), "\t")
	if _, err := b.repo.Host().Output(ctx, b.git("merge-base", "--is-ancestor", tip, "HEAD")); err != nil {
		return []onboarding.Finding{bad(name, "Pull with rebase there.", "%s has commits on %s that are not in %s", remote, branch, b.where())}
	}
	commits, err := b.repo.Unpushed(ctx)
	if err != nil {
		return []onboarding.Finding{bad(name, "Fetch there.", "%v", err)}
	}
	for _, commit := range commits {
		if !commit.Own {
			return []onboarding.Finding{bad(name, "Push it or take it off the branch.", "a commit of %s is not pushed: %s", commit.Author, commit.Subject)}
		}
	}
	return []onboarding.Finding{good(name, "%s is up to date", remote)}
}

func (b *Runbook) checkTemplate(ctx context.Context) []onboarding.Finding {
	const name = "template"
	files, found, err := b.repo.Template(ctx)
	switch {
	case err != nil:
		return []onboarding.Finding{bad(name, "Check repository.template.", "%v", err)}
	case !found:
		return []onboarding.Finding{{Level: onboarding.Warning, Name: name, Detail: "the repository has no " + b.config.Repository.Template + ": the bot's own is used",
			Fix: "Commit one, or leave it so."}}
	}
	return []onboarding.Finding{good(name, "%s, %d files", b.config.Repository.Template, len(files))}
}

// checkRun looks for the program that deploys, where it is a path.
func (b *Runbook) checkRun(ctx context.Context) []onboarding.Finding {
	name, program := "deploy command", b.config.Deploy.Command[0]
	if !strings.Contains(program, "/") {
		return []onboarding.Finding{good(name, "%s", program)}
	}
	if _, err := b.repo.Host().Output(ctx, hosts.Command{Argv: []string{"test", "-x", program}, Dir: b.repo.Dir()}); err != nil {
		return []onboarding.Finding{bad(name, "Make it executable there, or correct deploy.command.", "%s is not a program in %s", program, b.where())}
	}
	return []onboarding.Finding{good(name, "%s", program)}
}

func (b *Runbook) checkClean(ctx context.Context, s *site) []onboarding.Finding {
	name := "work tree of " + s.domain
	paths, err := b.repo.Dirty(ctx, s.folder)
	switch {
	case err != nil:
		return []onboarding.Finding{bad(name, "Check the account's rights there.", "%v", err)}
	case len(paths) > 0:
		return []onboarding.Finding{bad(name, "Commit it or take it away.", "%s is not committed", paths[0])}
	}
	return []onboarding.Finding{good(name, "clean")}
}
