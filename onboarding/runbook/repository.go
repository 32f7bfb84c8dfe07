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
)

// Deployed reports whether the domain is that of a deploy folder in the repository, by the folder's name or by what the services.yaml
// in it says, which may be another.
func (b *Runbook) Deployed(ctx context.Context, domain string) (bool, error) {
	var folders []string
	var archive []byte
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		folders, err = b.repo.Domains(ctx)
		return err
	})
	group.Go(func() (err error) {
		// An archive holds the files that match and nothing else of the sites.
		archive, err = b.repo.Host().Output(ctx, b.git("archive", "--format=tar", "HEAD", "--", ":(glob)"+path.Join(path.Dir(b.repo.Folder("x")), "*", servicesFile)))
		return err
	})
	if err := group.Wait(); err != nil {
		return false, fmt.Errorf("deploy folders: %w", err)
	}
	if slices.Contains(folders, domain) {
		return true, nil
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

// checkRepository looks for what would stop a commit or a deploy of the sites.
func (b *Runbook) checkRepository(ctx context.Context, run *onboarding.Run, sites []*site) []onboarding.Finding {
	host := b.repo.Host()
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
		found[0] = b.checkWorkTree(ctx)
		return nil
	})
	for i, site := range sites {
		group.Go(func() error {
			finding, have := b.checkFolder(ctx, run, site)
			if i == 0 && have != nil {
				unpushed = have.Unpushed
			}
			found[1+i] = []onboarding.Finding{finding}
			return nil
		})
	}
	_ = group.Wait() // checks report in their findings
	found[0] = append(found[0], checkUnpushed(unpushed))
	return slices.Concat(found...)
}

func (b *Runbook) where() string { return b.repo.Host().Name() + ":" + b.repo.Dir() }

// lookScript prints a line for everything about the work tree that is wrong: a word, a tab, what was seen. BRANCH REMOTE PROGRAM TOOLS.
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

// checkWorkTree looks at the work tree and its remote in one round trip.
func (b *Runbook) checkWorkTree(ctx context.Context) []onboarding.Finding {
	const name = "repository"
	config, host := b.config.Repository, b.repo.Host()
	out, err := host.Output(ctx, hosts.Command{Dir: b.repo.Dir(),
		Argv: []string{"sh", "-c", lookScript, "onboardbot", config.Branch, config.Remote, b.config.Deploy.Command[0], hosts.Tools}})
	if errors.Is(err, hosts.ErrUnreachable) {
		return []onboarding.Finding{unreached(host, err)}
	}
	if err != nil {
		return []onboarding.Finding{answered(host, nil), bad(name, "Check repository.dir and the account's rights there.", "%v", err)}
	}
	var missing []string
	var findings []onboarding.Finding
	for line := range strings.Lines(string(out)) {
		word, seen, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if word == "tool" {
			missing = append(missing, seen)
		}
		if known, ok := repositoryFixes[word]; ok {
			findings = append(findings, bad(name, known.fix, "%s", fmt.Sprintf(known.reads, b.where(), seen)))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, good(name, "%s is on %s and up to date, and %s is there", b.where(), config.Branch, b.config.Deploy.Command[0]))
	}
	return append([]onboarding.Finding{answered(host, missing)}, findings...)
}

// checkUnpushed looks for commits of others, which a push would publish with its own.
func checkUnpushed(commits []repo.Unpushed) onboarding.Finding {
	const name = "unpushed commits"
	for _, commit := range commits {
		if !commit.Own {
			return bad(name, "Push it or take it off the branch.", "a commit of %s is not pushed: %s", commit.Author, commit.Subject)
		}
	}
	return good(name, "none of others")
}
