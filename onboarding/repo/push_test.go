package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/repo"
)

func TestApplyAndHooks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hook, script string
		says         string
	}{
		"refuses":     {"pre-commit", "echo 'lint: bad config' >&2; exit 1", "lint: bad config"},
		"adds a file": {"pre-commit", "echo x >sneaky && git add sneaky", "sneaky"},
		"adds one beside": {"pre-commit", "echo x >'" + folder + "/more' && git add '" + folder + "/more'",
			folder + "/more"},
		"rewrites a file": {"pre-commit",
			"echo x >>'" + folder + "/deploy.sh' && git add '" + folder + "/deploy.sh'", folder + "/deploy.sh"},
		"commits once more": {"post-commit", "git update-ref HEAD $(git commit-tree HEAD^{tree} -p HEAD -m more)",
			"altered"},
		"refuses the message": {"commit-msg", "echo 'no ticket' >&2; exit 1", "no ticket"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := local(t)
			p.write("README.md", "staged\n")
			p.git("add", "README.md")
			p.hook(test.hook, test.script)
			index := p.git("diff", "--cached")
			refuses(t, p, deploy(), repo.ErrRefused, test.says)
			if diff := cmp.Diff(index, p.git("diff", "--cached")); diff != "" {
				t.Errorf("the index: %s", diff)
			}
			if err := os.Remove(p.path(".git/hooks/" + test.hook)); err != nil {
				t.Fatal(err)
			}
			if name == "rewrites a file" {
				p.write(folder+"/deploy.sh", "#!/bin/sh\n")
			}
			hash, err := p.Apply(soon(t), deploy())
			if err != nil || p.pushed() != hash {
				t.Errorf("without the hook: %v", err)
			}
			if got := p.git("diff-tree", "-r", "--no-commit-id", "--name-only", hash); got != strings.Join(deployed,
				"\n") {
				t.Errorf("the commit touches %s", got)
			}
		})
	}
}

func TestApplyAndPush(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, p *platform) {
		// The remote is away: the commit stays, and the next call pushes it.
		if err := os.Rename(p.remote, p.remote+".away"); err != nil {
			t.Fatal(err)
		}
		_, err := p.Apply(soon(t), deploy())
		if !errors.Is(err, repo.ErrPush) || !strings.Contains(err.Error(), "will only be pushed") {
			t.Fatalf("%v", err)
		}
		state, err := p.Observe(soon(t), "merche-biche.com")
		if err != nil || len(state.Unpushed) != 1 || !state.Unpushed[0].Own {
			t.Fatalf("%+v, %v", state, err)
		}
		if err := os.Rename(p.remote+".away", p.remote); err != nil {
			t.Fatal(err)
		}
		hash, err := p.Apply(soon(t), deploy())
		if err != nil || hash != state.Unpushed[0].Commit || p.pushed() != hash {
			t.Errorf("%s, %v", hash, err)
		}

		// Someone else has pushed: an operator pulls, and the next call pushes.
		other := filepath.Join(t.TempDir(), "other")
		p.run(t.TempDir(), "git", "clone", "-q", p.remote, other)
		p.run(other, "git", "-c", "user.name=R", "-c", "user.email=r@example.com", "commit", "-q", "--allow-empty",
			"-m", "Meanwhile")
		p.run(other, "git", "push", "-q")
		c := repo.Commit{Folder: folder, Subject: "Go live",
			Files: []repo.FileChange{{Path: folder + "/live", Mode: 0o644, After: []byte("1\n")}}}
		if _, err = p.Apply(soon(t), c); !errors.Is(err, repo.ErrBehind) ||
			!strings.Contains(err.Error(), "pull with rebase") {
			t.Fatalf("%v", err)
		}
		p.git("pull", "-q", "--rebase", "origin", "main")
		// A rebase makes the operator the committer, unless told otherwise: then the commit is
		// theirs to push.
		p.git("push", "-q", "origin", "main")
		hash, err = p.Apply(soon(t), c)
		if err != nil || p.pushed() != hash || p.git("rev-parse", "HEAD") != hash {
			t.Errorf("%s, %v", hash, err)
		}
	})
}

// A commit of this program that somehow reaches beyond the domains' folders is not pushed, however
// it came about.
func TestApplyChecksWhatItPushes(t *testing.T) {
	t.Parallel()
	p := local(t)
	p.write("README.md", "oops\n")
	p.git("-c", "user.name=Onboarding", "-c", "user.email=onboarding@example.com", "commit", "-qam", "Oops")
	pushed := p.pushed()
	if _, err := p.Apply(soon(t), deploy()); !errors.Is(err, repo.ErrOutside) ||
		!strings.Contains(err.Error(), "README.md") {
		t.Errorf("%v", err)
	}
	if p.pushed() != pushed {
		t.Error("pushed")
	}
}

// A remote that was never fetched is asked first, and one that has no such branch is said before
// anything is written.
func TestApplyAsksTheRemote(t *testing.T) {
	t.Parallel()
	p := local(t)
	p.git("update-ref", "-d", "refs/remotes/origin/main")
	hash, err := p.Apply(soon(t), deploy())
	if err != nil || p.pushed() != hash {
		t.Errorf("%s, %v", hash, err)
	}
	other, err := repo.New(p.Host(), repo.Config{Dir: p.dir, Remote: "none", Author: author})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Apply(soon(t), deploy()); !errors.Is(err, repo.ErrPush) ||
		!strings.Contains(err.Error(), "nothing is written yet") {
		t.Errorf("%v", err)
	}
}

func TestApplyWithoutRemote(t *testing.T) {
	t.Parallel()
	p := local(t)
	alone, err := repo.New(p.Host(), repo.Config{Dir: p.dir, Author: author})
	if err != nil {
		t.Fatal(err)
	}
	pushed := p.pushed()
	hash, err := alone.Apply(soon(t), deploy())
	if err != nil || p.git("rev-parse", "HEAD") != hash || p.pushed() != pushed {
		t.Errorf("%s, %v", hash, err)
	}
}

// The work tree may be a folder of a larger repository.
func TestApplyBelowTheRoot(t *testing.T) {
	t.Parallel()
	p := local(t)
	if err := os.Mkdir(p.path("@platform"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.git("mv", "deployments", "@platform/")
	p.git("commit", "-qm", "Move")
	p.git("push", "-q", "origin", "main")
	below, err := repo.New(p.Host(), repo.Config{Dir: p.path("@platform"), Remote: "origin", Author: author})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := below.Apply(soon(t), deploy())
	if err != nil || p.pushed() != hash {
		t.Fatalf("%s, %v", hash, err)
	}
	if got := p.git("diff-tree", "-r", "--no-commit-id", "--name-only",
		hash); got != "@platform/"+strings.Join(deployed, "\n@platform/") {
		t.Error(got)
	}
	state, err := below.Observe(soon(t), "merche-biche.com")
	if err != nil || len(state.Committed) != len(deployed) {
		t.Errorf("%+v, %v", state, err)
	}
}
