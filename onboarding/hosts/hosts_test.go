package hosts_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/sshd"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// local and remote are the same machine reached in the two ways.
func local(t *testing.T) *hosts.Host {
	t.Helper()
	return open(t, hosts.Config{Name: "here", LockDir: t.TempDir()})
}

func remote(t *testing.T) (*hosts.Host, *sshd.Server) {
	t.Helper()
	server := sshd.New(t)
	return open(t, overSSH(t, server)), server
}

func overSSH(t *testing.T, server *sshd.Server) hosts.Config {
	t.Helper()
	return hosts.Config{
		Name: "there", SSH: sshd.Alias, SSHConfig: server.Config(), LockDir: t.TempDir(), ControlDir: shortDir(t),
		ConnectTimeout: 5 * time.Second,
	}
}

// shortDir is short enough for a socket, which t.TempDir is not for a test with a long name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
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

// onEach runs a test on a local and on a remote host.
func onEach(t *testing.T, test func(t *testing.T, host *hosts.Host)) {
	t.Helper()
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		test(t, local(t))
	})
	t.Run("ssh", func(t *testing.T) {
		t.Parallel()
		host, _ := remote(t)
		test(t, host)
	})
}

// fifo makes a named pipe: opening it is how a command and its test meet.
func fifo(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := mkfifo(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// await reads what a command writes into a pipe, and so waits for it.
func await(t *testing.T, path string) string {
	t.Helper()
	type read struct {
		content []byte
		err     error
	}
	done := make(chan read, 1)
	go func() {
		content, err := os.ReadFile(path)
		done <- read{content, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			t.Fatal(r.err)
		}
		return strings.TrimSpace(string(r.content))
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing came through %s", path)
		return ""
	}
}

func context20(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
