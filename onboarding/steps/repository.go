package steps

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
	return []check{b.checkRepository, b.checkUnpushed, func(ctx context.Context) []onboarding.Finding {
		var findings []onboarding.Finding
		for _, site := range sites {
			findings = append(findings, b.checkFolder(ctx, run, site))
		}
		return findings
	}}
}

func (b *Runbook) where() string { return b.repo.Host().Name() + ":" + b.repo.Dir() }

// lookScript prints a line for everything about the work tree that is wrong: a word, a tab, what was seen. BRANCH REMOTE PROGRAM.
//
//go:embed repository.sh
var lookScript string

// repositoryFixes are by the words of the script, each with how it reads for people.
var repositoryFixes = map[string]struct{ reads, fix string }{
	"branch":  {"%[1]s is on the branch %[2]q", "Check out the configured branch there."},
	"index":   {"%[2]s is there: git is at work, or was killed", "If no git command runs there, remove the file."},
	"program": {"%[2]s is not a program in %[1]s", "Make it executable there, or correct deploy.command."},
	"remote":  {"the remote of %[1]s does not answer: %[2]s", "See that it can be reached from there and has the branch."},
	"behind":  {"%[2]s that are missing in %[1]s", "Pull with rebase there."},
}

// checkRepository looks at the work tree and its remote in one round trip.
func (b *Runbook) checkRepository(ctx context.Context) []onboarding.Finding {
	const name = "repository"
	config := b.config.Repository
	out, err := b.repo.Host().Output(ctx, hosts.Command{Dir: b.repo.Dir(),
		Argv: []string{"sh", "-c", lookScript, "onboardbot", config.Branch, config.Remote, b.config.Deploy.Command[0]}})
	if err != nil {
		return []onboarding.Finding{bad(name, "Check repository.dir and the account's rights there.", "%v", err)}
	}
	var findings []onboarding.Finding
	for line := range strings.Lines(string(out)) {
		word, seen, _ := strings.Cut(strings.TrimSpace(line), "\t")
		known, ok := repositoryFixes[word]
		if !ok {
			continue
		}
		findings = append(findings, bad(name, known.fix, "%s", fmt.Sprintf(known.reads, b.where(), seen)))
	}
	if len(findings) == 0 {
		findings = append(findings, good(name, "%s is on %s and up to date, and %s is there", b.where(), config.Branch, b.config.Deploy.Command[0]))
	}
	return findings
}

// checkUnpushed looks for commits of others, which a push would publish with its own.
func (b *Runbook) checkUnpushed(ctx context.Context) []onboarding.Finding {
	const name = "unpushed commits"
	commits, err := b.repo.Unpushed(ctx)
	if err != nil {
		return []onboarding.Finding{bad(name, "Fetch there.", "%v", err)}
	}
	for _, commit := range commits {
		if !commit.Own {
			return []onboarding.Finding{bad(name, "Push it or take it off the branch.", "a commit of %s is not pushed: %s", commit.Author, commit.Subject)}
		}
	}
	return []onboarding.Finding{good(name, "none of others")}
}
