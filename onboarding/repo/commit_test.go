package repo_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

func deploy() repo.Commit {
	return repo.Commit{
		Folder: folder,
		Files: []repo.FileChange{
			{Path: folder + "/deploy.sh", Mode: 0o755, After: []byte("#!/bin/sh\n")},
			{Path: folder + "/nginx/prod.conf", Mode: 0o644, After: []byte("server {}\n")},
			{Path: folder + "/it's *é.local", Mode: 0o644, After: []byte("\x00\xff")}, // ignored by git, and a pattern
			{Path: folder + "/empty", Mode: 0o644, After: []byte{}},
		},
		Subject:  "Deploy merche-biche.com",
		Body:     "# Not a comment.\nFor Merche.",
		Trailers: []repo.Trailer{{Key: "Requested-by", Value: "Quinn"}, {Key: "Change", Value: "sha256:0"}},
	}
}

var deployed = []string{folder + "/deploy.sh", folder + "/empty", folder + "/it's *é.local", folder + "/nginx/prod.conf"}

func TestApply(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, p *platform) {
		// What an operator is at: staged, changed and new, also next to the folder.
		p.write("README.md", "staged\n")
		p.git("add", "README.md")
		p.write("README.md", "changed\n")
		p.write("deployments/@domains/cocotte.com/new", "new\n")
		before, index := p.git("status", "--porcelain"), p.git("diff", "--cached")

		hash, err := p.Apply(soon(t), deploy())
		if err != nil {
			t.Fatal(err)
		}
		if head := p.git("rev-parse", "HEAD"); hash != head || p.pushed() != head {
			t.Errorf("applied %s, HEAD %s, pushed %s", hash, head, p.pushed())
		}
		want := "Onboarding <onboarding@example.com>\nOnboarding <onboarding@example.com>\nDeploy merche-biche.com\n\n# Not a comment.\nFor Merche.\n\nRequested-by: Quinn\nChange: sha256:0"
		if diff := cmp.Diff(want, p.git("log", "-1", "--format=%an <%ae>%n%cn <%ce>%n%B")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(deployed, strings.Split(p.git("diff-tree", "-r", "--no-commit-id", "--name-only", "HEAD"), "\n")); diff != "" {
			t.Error(diff)
		}
		if got := p.git("ls-tree", "HEAD", folder+"/deploy.sh"); !strings.HasPrefix(got, "100755 ") {
			t.Error(got)
		}
		for _, file := range deploy().Files {
			if got := p.read(file.Path); got != string(file.After) {
				t.Errorf("%s: %q", file.Path, got)
			}
		}
		if diff := cmp.Diff(before+index, p.git("status", "--porcelain")+p.git("diff", "--cached")); diff != "" {
			t.Errorf("what the operator was at: %s", diff)
		}

		again, err := p.Apply(soon(t), deploy())
		if err != nil || again != hash || p.git("rev-parse", "HEAD") != hash {
			t.Errorf("again: %s, %v", again, err)
		}
		if dirty, err := p.Dirty(soon(t), folder); err != nil || len(dirty) > 0 {
			t.Errorf("left behind: %v, %v", dirty, err)
		}
	})
}

func TestApplyChangesAndDeletes(t *testing.T) {
	t.Parallel()
	p := local(t)
	if _, err := p.Apply(soon(t), deploy()); err != nil {
		t.Fatal(err)
	}
	change := repo.Commit{Folder: folder, Subject: "Change", Files: []repo.FileChange{
		{Path: folder + "/deploy.sh", Mode: 0o644, Before: []byte("#!/bin/sh\n"), After: []byte("#!/bin/sh\n")}, // the mode alone
		{Path: folder + "/nginx/prod.conf", Mode: 0o644, Before: []byte("server {}\n")},
		{Path: folder + "/empty", Mode: 0o644, Before: []byte{}, After: []byte("full\n")},
	}}
	hash, err := p.Apply(soon(t), change)
	if err != nil {
		t.Fatal(err)
	}
	want := ":100755 100644 M deploy.sh|:100644 100644 M empty|:100644 000000 D nginx/prod.conf"
	var got []string
	for line := range strings.SplitSeq(p.git("diff-tree", "-r", "--no-commit-id", hash), "\n") {
		fields := strings.Fields(line)
		got = append(got, strings.Join([]string{fields[0], fields[1], fields[4], strings.TrimPrefix(fields[5], folder+"/")}, " "))
	}
	if strings.Join(got, "|") != want {
		t.Errorf("got %s", strings.Join(got, "|"))
	}
	if _, err := os.Stat(p.path(folder + "/nginx")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folder stays: %v", err)
	}
	if again, err := p.Apply(soon(t), change); err != nil || again != hash {
		t.Errorf("again: %s, %v", again, err)
	}
	everything := repo.Commit{Folder: folder, Subject: "Take back", Files: []repo.FileChange{
		{Path: folder + "/deploy.sh", Mode: 0o644, Before: []byte("#!/bin/sh\n")},
		{Path: folder + "/it's *é.local", Mode: 0o644, Before: []byte("\x00\xff")},
		{Path: folder + "/empty", Mode: 0o644, Before: []byte("full\n")},
	}}
	if _, err := p.Apply(soon(t), everything); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.path(folder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder stays: %v", err)
	}
}

// refuses checks that Apply fails in this way, has pushed nothing and committed nothing.
func refuses(t *testing.T, p *platform, c repo.Commit, want error, says ...string) {
	t.Helper()
	head, pushed := p.git("rev-parse", "HEAD"), p.pushed()
	_, err := p.Apply(soon(t), c)
	if !errors.Is(err, want) {
		t.Fatalf("%v", err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
	if p.git("rev-parse", "HEAD") != head || p.pushed() != pushed {
		t.Errorf("HEAD or the remote moved")
	}
}

func TestApplyRefusesDrift(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, p *platform) {
		p.write(folder+"/nginx/prod.conf", "mine\n")
		refuses(t, p, deploy(), repo.ErrDrift, folder+"/nginx/prod.conf", "ask again")
		if got := p.read(folder + "/deploy.sh"); got != "<none>" {
			t.Errorf("something was written: %q", got)
		}
		c := deploy()
		c.Files[0].Before = []byte("was there\n") // and is gone
		refuses(t, p, c, repo.ErrDrift, folder+"/deploy.sh")
	})
}

// After a crash some files are written, and some are not.
func TestApplyGoesOn(t *testing.T) {
	t.Parallel()
	p := local(t)
	p.write(folder+"/nginx/prod.conf", "server {}\n")
	p.write(folder+"/empty", "")
	p.git("add", folder+"/empty")
	hash, err := p.Apply(soon(t), deploy())
	if err != nil || p.pushed() != hash {
		t.Errorf("%s, %v", hash, err)
	}
}

func TestApplyRefusesOutside(t *testing.T) {
	t.Parallel()
	p := local(t)
	file := func(path string) repo.Commit {
		return repo.Commit{Folder: folder, Subject: "x", Files: []repo.FileChange{{Path: path, Mode: 0o644, After: []byte("x")}}}
	}
	for _, path := range []string{
		"README.md", folder, folder + "/", folder + "/../cocotte.com/x", folder + "/./x", folder + "//x", "/etc/passwd", "../x", "",
		"deployments/@domains/Merche-Biche.com/x", folder + ".evil/x", folder + "/.git/config", folder + "/x/.GIT/x", folder + "/.git. /x", folder + "/git~1/x",
		folder + "/a\nb", folder + "/a\x00b", folder + "/a\\b", folder + "/a:b", folder + "/\u200bx", folder + "/.g\u200cit/x", folder + "/" + strings.Repeat("x", 1024),
	} {
		refuses(t, p, file(path), repo.ErrOutside)
	}
	for _, bad := range []string{"", ".", "deployments/@domains", "deployments", "README.md", "deployments/@domains/a/b", "deployments/@domains/..", "/x"} {
		c := file(bad + "/x")
		c.Folder = bad
		refuses(t, p, c, repo.ErrOutside)
	}
	for _, pair := range [][2]string{{"a", "A"}, {"a", "a/b"}, {"a/b", "A"}, {"a", "a"}} {
		c := file(folder + "/" + pair[0])
		c.Files = append(c.Files, repo.FileChange{Path: folder + "/" + pair[1], Mode: 0o644, After: []byte("x")})
		refuses(t, p, c, repo.ErrOutside)
	}
	outside := t.TempDir()
	if err := os.MkdirAll(p.path(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"out": outside, "file": filepath.Join(outside, "file"), "up": "../cocotte.com"} {
		if err := os.Symlink(target, p.path(folder+"/"+link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"out/x", "file", "up/services.yaml"} {
		refuses(t, p, file(folder+"/"+path), repo.ErrOutside, folder+"/"+path)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("written outside: %v, %v", left, err)
	}
	if err := os.Mkdir(p.path(folder+"/dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	refuses(t, p, file(folder+"/dir"), repo.ErrOutside)
}

func TestApplyRefusesMessages(t *testing.T) {
	t.Parallel()
	p := local(t)
	for _, spoil := range []func(*repo.Commit){
		func(c *repo.Commit) { c.Subject = " " },
		func(c *repo.Commit) { c.Subject = "a\nb" },
		func(c *repo.Commit) { c.Body = "a\x1bb" },
		func(c *repo.Commit) { c.Trailers = []repo.Trailer{{Key: "A b", Value: "c"}} },
		func(c *repo.Commit) { c.Trailers = []repo.Trailer{{Key: "A", Value: "b\nApproved-by: me"}} },
		func(c *repo.Commit) { c.Files = nil },
		func(c *repo.Commit) { c.Files[0].Mode = 0o777 },
		func(c *repo.Commit) { c.Files[0].Mode = os.ModeSymlink | 0o644 },
	} {
		c := deploy()
		spoil(&c)
		if _, err := p.Apply(soon(t), c); err == nil {
			t.Errorf("accepted: %+v", c)
		}
	}
}

func TestApplyRefusesStates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(p *platform)
		want  error
		says  string
	}{
		"branch":   {func(p *platform) { p.git("checkout", "-qb", "other") }, repo.ErrBranch, "is not on the branch main"},
		"detached": {func(p *platform) { p.git("checkout", "-q", "--detach") }, repo.ErrBranch, "is not on the branch main"},
		"merge":    {func(p *platform) { p.write(".git/MERGE_HEAD", p.git("rev-parse", "HEAD")) }, repo.ErrBranch, "has a merge or rebase under way"},
		"index":    {func(p *platform) { p.write(".git/index.lock", "") }, repo.ErrLocked, ".git/index.lock exists"},
		"foreign":  {func(p *platform) { p.git("commit", "-q", "--allow-empty", "-m", "Not yet") }, repo.ErrForeign, "by Quinn: Not yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := local(t)
			test.spoil(p)
			refuses(t, p, deploy(), test.want, test.says)
			if got := p.read(folder + "/deploy.sh"); got != "<none>" {
				t.Errorf("something was written: %q", got)
			}
		})
	}
}

func TestApplyAndHooks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hook, script string
		says         string
	}{
		"refuses":             {"pre-commit", "echo 'lint: bad config' >&2; exit 1", "lint: bad config"},
		"adds a file":         {"pre-commit", "echo x >sneaky && git add sneaky", "sneaky"},
		"adds one beside":     {"pre-commit", "echo x >'" + folder + "/more' && git add '" + folder + "/more'", folder + "/more"},
		"rewrites a file":     {"pre-commit", "echo x >>'" + folder + "/deploy.sh' && git add '" + folder + "/deploy.sh'", folder + "/deploy.sh"},
		"commits once more":   {"post-commit", "git update-ref HEAD $(git commit-tree HEAD^{tree} -p HEAD -m more)", "altered"},
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
			if got := p.git("diff-tree", "-r", "--no-commit-id", "--name-only", hash); got != strings.Join(deployed, "\n") {
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
		unpushed, err := p.Unpushed(soon(t))
		if err != nil || len(unpushed) != 1 || !unpushed[0].Own {
			t.Errorf("%v, %v", unpushed, err)
		}
		if err := os.Rename(p.remote+".away", p.remote); err != nil {
			t.Fatal(err)
		}
		hash, err := p.Apply(soon(t), deploy())
		if err != nil || hash != unpushed[0].Commit || p.pushed() != hash {
			t.Errorf("%s, %v", hash, err)
		}

		// Someone else has pushed: an operator pulls, and the next call pushes.
		other := filepath.Join(t.TempDir(), "other")
		p.run(t.TempDir(), "git", "clone", "-q", p.remote, other)
		p.run(other, "git", "-c", "user.name=R", "-c", "user.email=r@example.com", "commit", "-q", "--allow-empty", "-m", "Meanwhile")
		p.run(other, "git", "push", "-q")
		c := repo.Commit{Folder: folder, Subject: "Go live", Files: []repo.FileChange{{Path: folder + "/live", Mode: 0o644, After: []byte("1\n")}}}
		if _, err = p.Apply(soon(t), c); !errors.Is(err, repo.ErrBehind) || !strings.Contains(err.Error(), "pull with rebase") {
			t.Fatalf("%v", err)
		}
		p.git("pull", "-q", "--rebase", "origin", "main")
		// A rebase makes the operator the committer, unless told otherwise: then the commit is theirs to push.
		p.git("push", "-q", "origin", "main")
		hash, err = p.Apply(soon(t), c)
		if err != nil || p.pushed() != hash || p.git("rev-parse", "HEAD") != hash {
			t.Errorf("%s, %v", hash, err)
		}
	})
}

// A commit of this program that somehow reaches beyond the domains' folders is not pushed, however it came about.
func TestApplyChecksWhatItPushes(t *testing.T) {
	t.Parallel()
	p := local(t)
	p.write("README.md", "oops\n")
	p.git("-c", "user.name=Onboarding", "-c", "user.email=onboarding@example.com", "commit", "-qam", "Oops")
	pushed := p.pushed()
	if _, err := p.Apply(soon(t), deploy()); !errors.Is(err, repo.ErrOutside) || !strings.Contains(err.Error(), "README.md") {
		t.Errorf("%v", err)
	}
	if p.pushed() != pushed {
		t.Error("pushed")
	}
}

// A remote that was never fetched is asked first, and one that has no such branch is said before anything is written.
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
	if _, err := other.Apply(soon(t), deploy()); !errors.Is(err, repo.ErrPush) || !strings.Contains(err.Error(), "nothing is written yet") {
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
	if got := p.git("diff-tree", "-r", "--no-commit-id", "--name-only", hash); got != "@platform/"+strings.Join(deployed, "\n@platform/") {
		t.Error(got)
	}
	files, err := below.Tree(soon(t), "HEAD", folder)
	if err != nil || len(files) != len(deployed) {
		t.Errorf("%v, %v", files, err)
	}
	p.write("@platform/"+folder+"/new", "")
	if dirty, err := below.Dirty(soon(t), folder); err != nil || !slices.Equal(dirty, []string{folder + "/new"}) {
		t.Errorf("%v, %v", dirty, err)
	}
}

const crashEnv = "REPO_TEST_CRASH"

// TestCrash is not a test by itself: it is the process that TestApplyOutlivesKill9 kills.
func TestCrash(t *testing.T) {
	given := os.Getenv(crashEnv)
	if given == "" {
		return
	}
	args := strings.Split(given, "|")
	host, err := hosts.New(hosts.Config{Name: "apricot", LockDir: args[1], SSH: args[2], SSHConfig: args[3], ControlDir: args[4]})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.New(host, repo.Config{Dir: args[0], Remote: "origin", Author: author})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := r.Apply(t.Context(), deploy())
	t.Fatalf("came back: %s, %v", hash, err)
}

// Killed in the middle of the commit, the next life waits, finds it made and pushed, and makes no second one.
func TestApplyOutlivesKill9(t *testing.T) {
	t.Parallel()
	crash := func(t *testing.T, config hosts.Config) {
		p := newPlatform(t, open(t, config))
		begun, resume := filepath.Join(t.TempDir(), "begun"), filepath.Join(t.TempDir(), "resume")
		for _, path := range []string{begun, resume} {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p.hook("pre-commit", "echo begun >'"+begun+"'; read line <'"+resume+"'; exit 0")
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
		cmd.Env = append(os.Environ(), crashEnv+"="+strings.Join([]string{p.dir, config.LockDir, config.SSH, config.SSHConfig, config.ControlDir}, "|"))
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile(begun); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || output.Len() > 0 {
			t.Errorf("was not killed: %v, %s", err, &output)
		}
		busy, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.WaitIdle(busy); !errors.Is(err, hosts.ErrBusy) {
			t.Errorf("while the orphan runs: %v", err)
		}
		if err := os.WriteFile(resume, []byte("go\n"), 0); err != nil {
			t.Fatal(err)
		}
		if err := p.WaitIdle(soon(t)); err != nil {
			t.Fatal(err)
		}
		made := p.git("rev-parse", "HEAD")
		if p.git("rev-parse", "HEAD^") != p.git("rev-list", "--max-parents=0", "HEAD") || p.pushed() != made {
			t.Error("the commit was not made and pushed by the orphan")
		}
		hash, err := p.Apply(soon(t), deploy())
		if err != nil || hash != made {
			t.Errorf("%s, %v", hash, err)
		}
	}
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		crash(t, hosts.Config{Name: "apricot", LockDir: t.TempDir()})
	})
	t.Run("ssh", func(t *testing.T) {
		t.Parallel()
		crash(t, overSSH(t))
	})
}
