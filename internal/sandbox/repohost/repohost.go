// Package repohost lays out apricot, the machine that holds the platform's repository: a working
// tree with a remote named origin, a deploy template and the ./run that deploys. It is used in
// place or over ssh.
//
// The files in the repository say what is deployed and how.
package repohost

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
	"github.com/atlilith/onboardbot/internal/sandbox/ssh"
)

//go:embed all:repo
var repository embed.FS

// Checkout is where the working tree lies below the home of whoever logs in.
const Checkout = "Code/@projects/@atlilith/@platform"

// Config is the repo host.
type Config struct {
	// Dir is the directory for its files.
	Dir string
	// Host is how ssh reaches it.
	Host ssh.Host
	// Prefix makes a daemon an ordinary user's; see namespace.User.
	Prefix []string
	// Keys holds the client and the host key.
	Keys *ssh.Keys
}

// Host is the running machine.
type Host struct {
	// Repo is the working tree, on the branch main.
	Repo string
	// Origin is the bare repository that it pushes to.
	Origin string
	// Home is the home of whoever logs in over ssh.
	Home string

	sshd *daemon.Daemon
}

// Start lays out the repository and runs the machine's sshd.
func Start(ctx context.Context, config Config) (*Host, error) {
	h := &Host{
		Repo:   filepath.Join(config.Dir, "platform"),
		Origin: filepath.Join(config.Dir, "platform.git"),
		Home:   filepath.Join(config.Dir, "home"),
	}
	if err := h.layOut(ctx); err != nil {
		return nil, fmt.Errorf("platform repository: %w", err)
	}
	var err error
	h.sshd, err = config.Keys.Serve(ctx, ssh.Server{
		Host: config.Host,
		Dir:  config.Dir,
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=" + h.Home, "LC_ALL=C.UTF-8"},
		// sshd needs /run/sshd, which does not exist on a machine without a running sshd.
		Prefix: append([]string{"unshare", "--mount", "--", "/bin/sh", "-ec",
			`mount -t tmpfs -o mode=755 run /run; mkdir -m 755 /run/sshd; exec "$@"`, "sh"}, config.Prefix...),
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// SSHD is its ssh server.
func (h *Host) SSHD() *daemon.Daemon { return h.sshd }

// Close stops the machine.
func (h *Host) Close() { h.sshd.Kill() }

func (h *Host) layOut(ctx context.Context) error {
	files, err := fs.Sub(repository, "repo")
	if err != nil {
		return err
	}
	if err := os.CopyFS(h.Repo, files); err != nil {
		return err
	}
	// Embedding loses the executable bit.
	if err := os.Chmod(filepath.Join(h.Repo, "run"), 0o755); err != nil {
		return err
	}
	checkout := filepath.Join(h.Home, Checkout)
	if err := os.MkdirAll(filepath.Dir(checkout), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(h.Repo, checkout); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", h.Origin},
		{"init", "--quiet", "--initial-branch=main", h.Repo},
		{"-C", h.Repo, "config", "user.name", "apricot"},
		{"-C", h.Repo, "config", "user.email", "apricot@quinn.sandbox"},
		{"-C", h.Repo, "add", "--all"},
		{"-C", h.Repo, "commit", "--quiet", "--message=Deploy cocotte.com, sansonnet.com and quinn.www"},
		{"-C", h.Repo, "remote", "add", "origin", h.Origin},
		{"-C", h.Repo, "push", "--quiet", "--set-upstream", "origin", "main"},
	} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[len(args)-1], err, out)
		}
	}
	return nil
}
