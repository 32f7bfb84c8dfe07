package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/repo"
)

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
		return repo.Commit{Folder: folder, Subject: "x",
			Files: []repo.FileChange{{Path: path, Mode: 0o644, After: []byte("x")}}}
	}
	for _, path := range []string{
		"README.md", folder, folder + "/", folder + "/../cocotte.com/x", folder + "/./x", folder + "//x",
		"/etc/passwd", "../x", "",
		"deployments/@domains/Merche-Biche.com/x", folder + ".evil/x", folder + "/.git/config", folder + "/x/.GIT/x",
		folder + "/.git. /x", folder + "/git~1/x",
		folder + "/a\nb", folder + "/a\x00b", folder + "/a\\b", folder + "/a:b", folder + "/\u200bx", folder +
			"/.g\u200cit/x", folder + "/" + strings.Repeat("x", 1024),
	} {
		refuses(t, p, file(path), repo.ErrOutside)
	}
	for _, bad := range []string{"", ".", "deployments/@domains", "deployments", "README.md",
		"deployments/@domains/a/b", "deployments/@domains/..", "/x"} {
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
	for link, target := range map[string]string{"out": outside, "file": filepath.Join(outside, "file"),
		"up": "../cocotte.com"} {
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
		"branch": {func(p *platform) { p.git("checkout", "-qb", "other") }, repo.ErrBranch,
			"is not on the branch main"},
		"detached": {func(p *platform) { p.git("checkout", "-q", "--detach") }, repo.ErrBranch,
			"is not on the branch main"},
		"merge": {func(p *platform) { p.write(".git/MERGE_HEAD", p.git("rev-parse", "HEAD")) }, repo.ErrBranch,
			"has a merge or rebase under way"},
		"index": {func(p *platform) { p.write(".git/index.lock", "") }, repo.ErrLocked, ".git/index.lock exists"},
		"foreign": {func(p *platform) { p.git("commit", "-q", "--allow-empty", "-m", "Not yet") }, repo.ErrForeign,
			"by Quinn: Not yet"},
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
