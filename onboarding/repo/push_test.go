package repo_test

import (
	"errors"
	"os"
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

		// Someone else has pushed: the commit stays, and is known whoever rebases it.
		p.meanwhile("CHANGES.md")
		c := repo.Commit{Folder: folder, Subject: "Go live", Trailers: deploy().Trailers,
			Files: []repo.FileChange{{Path: folder + "/live", Mode: 0o644, After: []byte("1\n")}}}
		if _, err = p.Apply(soon(t), c); !errors.Is(err, repo.ErrBehind) ||
			!strings.Contains(err.Error(), "by R: Meanwhile") || strings.Contains(err.Error(), "hint:") {
			t.Fatalf("%v", err)
		}
		p.git("pull", "-q", "--rebase", "origin", "main")
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
	p.git("-c", "user.name=Onboarding", "-c", "user.email=onboarding@example.com", "commit", "-qam",
		"Oops\n\nRun: 0d5e5b6e-94c6-4f0c-8ab8-6ac1f4b6b7b1\nDigest: "+strings.Repeat("0f", 32))
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

// The work tree is behind: it gets what others pushed, with the commits of this program on top of
// it, and what an operator is at there stays.
func TestApplyOnTopOfTheRemote(t *testing.T) {
	t.Parallel()
	goLive := repo.Commit{Folder: folder, Subject: "Go live", Trailers: deploy().Trailers,
		Files: []repo.FileChange{{Path: folder + "/live", Mode: 0o644, After: []byte("1\n")}}}
	t.Run("two commits", func(t *testing.T) {
		t.Parallel()
		p := local(t)
		p.write("README.md", "mine\n")
		p.write("deployments/@domains/cocotte.com/new", "mine\n")
		p.git("add", "deployments/@domains/cocotte.com/new")
		was := p.git("status", "--porcelain")
		theirs := p.meanwhile("deployments/@domains/cocotte.com/theirs")
		for _, c := range []repo.Commit{deploy(), goLive} {
			c.Unpushed = p.unpushed()
			if _, err := p.Apply(soon(t), c); !errors.Is(err, repo.ErrBehind) {
				t.Fatal(err)
			}
		}
		state, err := p.Observe(soon(t), "merche-biche.com")
		if err != nil || !state.Behind || len(state.Unpushed) != 2 || !state.Unpushed[0].Own || len(state.Remote) != 0 {
			t.Fatalf("%+v, %v", state, err)
		}
		made := p.git("log", "-2", "--format=%an %ae %ad %s %b")
		again := goLive
		again.Rebase, again.Unpushed = true, p.unpushed()
		hash, err := p.Apply(soon(t), again)
		if err != nil || p.pushed() != p.git("rev-parse", "HEAD") || p.git("rev-parse", "HEAD~2") != theirs {
			t.Fatalf("%s, %v", hash, err)
		}
		if diff := cmp.Diff(made, p.git("log", "-2", "--format=%an %ae %ad %s %b")); diff != "" {
			t.Error(diff)
		}
		if got := p.read("deployments/@domains/cocotte.com/theirs"); got == "<none>" {
			t.Errorf("the work tree has %q", got)
		}
		if diff := cmp.Diff(was, p.git("status", "--porcelain")); diff != "" {
			t.Errorf("what the operator was at: %s", diff)
		}
		if state, err = p.Observe(soon(t), "merche-biche.com"); err != nil || state.Behind || len(state.Unpushed) != 0 {
			t.Errorf("%+v, %v", state, err)
		}
	})
	t.Run("nothing made yet, below the root", func(t *testing.T) {
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
		if _, err := below.Apply(soon(t), deploy()); err != nil {
			t.Fatal(err)
		}
		theirs := p.meanwhile("@platform/theirs")
		again := goLive
		if _, err := below.Apply(soon(t), again); !errors.Is(err, repo.ErrBehind) {
			t.Fatal(err)
		}
		again.Rebase = true
		if _, err := below.Apply(soon(t), again); err != nil || p.git("rev-parse", "HEAD^") != theirs ||
			p.pushed() != p.git("rev-parse", "HEAD") || p.read("@platform/"+folder+"/live") != "1\n" {
			t.Error(err)
		}
	})
	t.Run("the same file", func(t *testing.T) {
		t.Parallel()
		p := local(t)
		if _, err := p.Apply(soon(t), deploy()); err != nil {
			t.Fatal(err)
		}
		p.meanwhile(folder + "/live")
		if _, err := p.Apply(soon(t), goLive); !errors.Is(err, repo.ErrBehind) {
			t.Fatal(err)
		}
		again := goLive
		again.Rebase = true
		refuses(t, p, again, repo.ErrConflict, folder+"/live")
	})
	t.Run("what an operator has changed", func(t *testing.T) {
		t.Parallel()
		p := local(t)
		p.write("README.md", "mine\n")
		p.meanwhile("README.md")
		again := deploy()
		again.Rebase = true
		refuses(t, p, again, repo.ErrConflict, "README.md", "commit or stash")
		if p.read("README.md") != "mine\n" {
			t.Error("it is overwritten")
		}
	})
}
