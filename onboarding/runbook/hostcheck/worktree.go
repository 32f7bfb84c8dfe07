package hostcheck

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// worktreeScript prints a line for everything about the work tree that is wrong: a word, a tab,
// what was seen. Its arguments are BRANCH REMOTE PROGRAM TOOLS.
//
//go:embed worktree.sh
var worktreeScript string

// worktreeProblems are by the words of the script, each as a person reads it and with its fix.
var worktreeProblems = map[string]struct{ reads, fix string }{
	"branch": {"%[1]s is on the branch %[2]q", "Check out the configured branch there."},
	"index": {"%[2]s exists: a git command is running, or was killed",
		"If no git command runs there, remove the file."},
	"program": {"%[2]s is not a program in %[1]s", "Make it executable there, or correct deploy.command."},
	"remote": {"the remote of %[1]s does not answer: %[2]s",
		"Make sure that the host can reach the remote and that the remote has the branch."},
	"behind": {"%[2]s that are missing in %[1]s", "Pull with rebase there."},
}

// WorkTree checks the work tree of a repository and its remote in one round trip, and that the
// program is there that deploys from it.
func WorkTree(ctx context.Context, repo *repo.Repo, config repo.Config, program string) []onboarding.Finding {
	const name = "repository"
	host := repo.Host()
	where := host.Name() + ":" + repo.Dir()
	out, err := host.Output(ctx, hosts.Command{Dir: repo.Dir(),
		Argv: []string{"sh", "-c", worktreeScript, "onboardbot", config.Branch, config.Remote, program, hosts.Tools}})
	if errors.Is(err, hosts.ErrUnreachable) {
		return []onboarding.Finding{Unreached(host, err)}
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
		findings = append(findings, onboarding.Passed(name, "%s is on %s and up to date, and %s exists",
			where, config.Branch, program))
	}
	return append([]onboarding.Finding{reached(host, missing)}, findings...)
}

// Unpushed finds commits of others, which a push would publish with its own.
func Unpushed(commits []repo.Unpushed) onboarding.Finding {
	const name = "unpushed commits"
	for _, commit := range commits {
		if !commit.Own {
			return onboarding.Failing(name, "Push it, or remove it from the branch.",
				"a commit of %s is not pushed: %s", commit.Author, commit.Subject)
		}
	}
	return onboarding.Passed(name, "none of others")
}
