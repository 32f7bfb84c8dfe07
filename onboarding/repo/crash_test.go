package repo_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

const crashEnv = "REPO_TEST_CRASH"

// TestCrash is not a test by itself: it is the process that TestApplyOutlivesKill9 kills.
func TestCrash(t *testing.T) {
	given := os.Getenv(crashEnv)
	if given == "" {
		return
	}
	args := strings.Split(given, "|")
	host, err := hosts.New(hosts.Config{Name: "apricot", LockDir: args[1], SSH: args[2], SSHConfig: args[3],
		ControlDir: args[4]})
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

// Killed in the middle of the commit, the next life waits, finds it made and pushed, and makes no
// second one.
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
		cmd.Env = append(os.Environ(), crashEnv+"="+strings.Join([]string{p.dir, config.LockDir, config.SSH,
			config.SSHConfig, config.ControlDir}, "|"))
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
		if err := p.Settle(busy, hosts.Fence{}, nil); !errors.Is(err, hosts.ErrBusy) {
			t.Errorf("while the orphan runs: %v", err)
		}
		if err := os.WriteFile(resume, []byte("go\n"), 0); err != nil {
			t.Fatal(err)
		}
		if err := p.Settle(soon(t), hosts.Fence{}, nil); err != nil {
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
