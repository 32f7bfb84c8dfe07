package repo_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/sshd"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

func TestMain(m *testing.M) {
	// What an account's own git configuration says is none of these tests' business.
	for name, value := range map[string]string{"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// platform is the platform's repository: a work tree with one domain and a template, pushed to a
// bare remote.
type platform struct {
	*repo.Repo
	t      *testing.T
	dir    string
	remote string
}

const (
	author = "Onboarding <onboarding@example.com>"
	folder = "deployments/@domains/merche-biche.com"
)

func newPlatform(t *testing.T, host *hosts.Host) *platform {
	t.Helper()
	p := &platform{t: t, dir: filepath.Join(t.TempDir(), "it's @platform"),
		remote: filepath.Join(t.TempDir(), "remote.git")}
	p.run(filepath.Dir(p.remote), "git", "init", "-q", "--bare", "-b", "main", p.remote)
	p.run(filepath.Dir(p.dir), "git", "init", "-q", "-b", "main", p.dir)
	p.git("config", "user.name", "Quinn")
	p.git("config", "user.email", "quinn@example.com")
	p.git("remote", "add", "origin", p.remote)
	p.write("README.md", "platform\n")
	p.write(".gitignore", "*.local\n")
	p.write("deployments/@domains/cocotte.com/services.yaml", "domain: cocotte.com\n")
	p.write("deployments/@domains/_template/{provider}.com/services.yaml", "domain: x\n")
	p.write("deployments/@domains/_template/{provider}.com/deploy.sh", "#!/bin/sh\n")
	if err := os.Chmod(p.path("deployments/@domains/_template/{provider}.com/deploy.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.git("add", ".")
	p.git("commit", "-qm", "Begin")
	p.git("push", "-q", "origin", "main")
	p.git("fetch", "-q", "origin")
	var err error
	if p.Repo, err = repo.New(host,
		repo.Config{Dir: p.dir, Remote: "origin", Author: author, Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *platform) path(name string) string { return filepath.Join(p.dir, name) }

func (p *platform) write(name, content string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *platform) read(name string) string {
	p.t.Helper()
	content, err := os.ReadFile(p.path(name))
	if os.IsNotExist(err) {
		return "<none>"
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}

// hook installs a git hook.
func (p *platform) hook(name, script string) {
	p.t.Helper()
	p.write(".git/hooks/"+name, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(p.path(".git/hooks/"+name), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p *platform) git(args ...string) string {
	p.t.Helper()
	return p.run(p.dir, "git", append([]string{"-c", "core.quotePath=false"}, args...)...)
}

func (p *platform) run(dir, name string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// pushed is the commit that the remote's branch is at.
func (p *platform) pushed() string { return p.run(p.remote, "git", "rev-parse", "main") }

// unpushed are the hashes of the commits that the remote was not seen to have, oldest first.
func (p *platform) unpushed() []string {
	return strings.Fields(p.git("rev-list", "--reverse", "origin/main..HEAD"))
}

// meanwhile pushes a commit of somebody else, with one file, and returns it.
func (p *platform) meanwhile(path string) string {
	p.t.Helper()
	other := filepath.Join(p.t.TempDir(), "other")
	p.run(p.dir, "git", "clone", "-q", p.remote, other)
	if err := os.WriteFile(filepath.Join(other, path), []byte(other+"\n"), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.run(other, "git", "add", ".")
	p.run(other, "git", "-c", "user.name=R", "-c", "user.email=r@example.com", "commit", "-qm", "Meanwhile")
	p.run(other, "git", "push", "-q")
	return p.pushed()
}

// onEach runs a test with the repository on a local and on a remote host.
func onEach(t *testing.T, test func(t *testing.T, p *platform)) {
	t.Helper()
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		test(t, newPlatform(t, open(t, hosts.Config{Name: "apricot", LockDir: t.TempDir()})))
	})
	t.Run("ssh", func(t *testing.T) {
		t.Parallel()
		test(t, newPlatform(t, open(t, overSSH(t))))
	})
}

// local runs a test with the repository on this machine only, where the way to it makes no
// difference.
func local(t *testing.T) *platform {
	t.Helper()
	return newPlatform(t, open(t, hosts.Config{Name: "apricot", LockDir: t.TempDir()}))
}

func overSSH(t *testing.T) hosts.Config {
	t.Helper()
	control, err := os.MkdirTemp("", "ssh") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(control) })
	return hosts.Config{Name: "apricot", SSH: sshd.Alias, SSHConfig: sshd.New(t).Config(), LockDir: t.TempDir(),
		ControlDir: control}
}

func open(t *testing.T, config hosts.Config) *hosts.Host {
	t.Helper()
	host, err := hosts.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
