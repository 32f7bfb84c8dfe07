package hosts_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/sshd"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// change is a command that says that it has begun, waits to be told to go on, writes more than any
// pipe holds, and says that it has come to its end.
type change struct{ begun, resume, ended string }

func newChange(t *testing.T) change {
	t.Helper()
	dir := t.TempDir()
	return change{fifo(t, dir, "begun"), fifo(t, dir, "resume"), fifo(t, dir, "ended")}
}

func (c change) command() hosts.Command {
	script := `echo begun >"$1"; read line <"$2"; i=0; while [ $i -lt 20000 ]; do echo "line $i of output"; echo "line $i of errors" >&2; i=$((i+1)); done; echo ended >"$3"`
	return hosts.Command{Argv: []string{"sh", "-ec", script, "sh", c.begun, c.resume, c.ended}, Lock: "certbot",
		Timeout: time.Minute}
}

// finish proves that the change still runs and holds its lock, lets it go on, and proves that it
// comes to its end.
func (c change) finish(t *testing.T, host *hosts.Host) {
	t.Helper()
	busy, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := host.Settle(busy, "certbot", hosts.Fence{}, nil); !errors.Is(err, hosts.ErrBusy) ||
		!errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while the change runs: %v", err)
	}
	if err := host.Settle(context20(t), "other", hosts.Fence{}, nil); err != nil {
		t.Errorf("another lock: %v", err)
	}
	if err := os.WriteFile(c.resume, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if got := await(t, c.ended); got != "ended" {
		t.Errorf("the change ended with %q", got)
	}
	if err := host.Settle(context20(t), "certbot", hosts.Fence{}, nil); err != nil {
		t.Errorf("after the change: %v", err)
	}
}

func TestChangeOutlivesItsContext(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		c := newChange(t)
		ctx, cancel := context.WithCancel(context20(t))
		failed := make(chan error, 1)
		go func() {
			_, err := host.Run(ctx, c.command(), nil)
			failed <- err
		}()
		await(t, c.begun)
		cancel()
		if err := <-failed; !errors.Is(err, hosts.ErrLost) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		c.finish(t, host)
	})
}

func TestChangeOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	host, server := remote(t)
	c := newChange(t)
	failed := make(chan error, 1)
	go func() {
		_, err := host.Run(context20(t), c.command(), nil)
		failed <- err
	}()
	await(t, c.begun)
	server.Cut()
	if err := <-failed; !errors.Is(err, hosts.ErrLost) || errors.Is(err, hosts.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	c.finish(t, host)
}

// Killing the ssh that waits for the command, or that which holds the shared connection, is what
// the kernel does when memory is short.
func TestChangeOutlivesSSH(t *testing.T) {
	t.Parallel()
	config := overSSH(t, sshd.New(t))
	host := open(t, config)
	if _, err := host.Ping(context20(t)); err != nil { // from here on there is a shared connection
		t.Fatal(err)
	}
	c := newChange(t)
	failed := make(chan error, 1)
	go func() {
		_, err := host.Run(context20(t), c.command(), nil)
		failed <- err
	}()
	await(t, c.begun)
	clients := processes(t, config.ControlDir)
	if len(clients) < 2 {
		t.Errorf("%d processes, want the client and the shared connection", len(clients))
	}
	for _, pid := range clients { // one may end because another was killed
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
	}
	if err := <-failed; !errors.Is(err, hosts.ErrLost) {
		t.Errorf("%v", err)
	}
	c.finish(t, host)
}

// processes are the ssh clients that use a control directory: it stands in their arguments, or in
// the title of the process that keeps the shared connection.
func processes(t *testing.T, controlDir string) []int {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range found {
		line, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(line), "ssh") || !strings.Contains(string(line), controlDir+"/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

const crashEnv = "HOSTS_TEST_CRASH"

// TestCrash is not a test by itself: it is the process that TestChangeOutlivesKill9 kills.
func TestCrash(t *testing.T) {
	given := os.Getenv(crashEnv)
	if given == "" {
		return
	}
	args := strings.Split(given, ":")
	host, err := hosts.New(hosts.Config{Name: "crashing", LockDir: args[0], SSH: args[1], SSHConfig: args[2],
		ControlDir: args[3]})
	if err != nil {
		t.Fatal(err)
	}
	_, err = host.Run(context.Background(), change{args[4], args[5], args[6]}.command(), nil)
	t.Fatalf("came back: %v", err)
}

func TestChangeOutlivesKill9(t *testing.T) {
	t.Parallel()
	crash := func(t *testing.T, config hosts.Config, after *hosts.Host) {
		c := newChange(t)
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
		cmd.Env = append(os.Environ(), crashEnv+"="+strings.Join([]string{config.LockDir, config.SSH, config.SSHConfig,
			config.ControlDir, c.begun, c.resume, c.ended}, ":"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, c.begun)
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil { // with its group, as a terminal would
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("was not killed")
		}
		c.finish(t, after)
	}
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		config := hosts.Config{Name: "here", LockDir: t.TempDir()}
		crash(t, config, open(t, config))
	})
	t.Run("ssh", func(t *testing.T) {
		t.Parallel()
		host, server := remote(t)
		config := overSSH(t, server)
		config.LockDir = lockDir(t, host)
		crash(t, config, host)
	})
}

// lockDir finds out where a host keeps its locks.
func lockDir(t *testing.T, host *hosts.Host) string {
	t.Helper()
	out, err := host.Output(context20(t), hosts.Command{Argv: []string{"readlink", "/proc/self/fd/9"}, Lock: "find"})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// The lock belongs to all that the command starts, not to its first process.
func TestLockIsHeldByChildren(t *testing.T) {
	t.Parallel()
	host := open(t, hosts.Config{Name: "here", LockDir: t.TempDir(), LockWait: time.Second})
	dir := t.TempDir()
	begun, resume := fifo(t, dir, "begun"), fifo(t, dir, "resume")
	script := `(echo begun >"$1"; read line <"$2") >/dev/null 2>&1 & exit 0`
	if _, err := host.Run(context20(t),
		hosts.Command{Argv: []string{"sh", "-c", script, "sh", begun, resume}, Lock: "certbot"}, nil); err != nil {
		t.Fatal(err)
	}
	await(t, begun)
	if err := host.Settle(context20(t), "certbot", hosts.Fence{}, nil); !errors.Is(err, hosts.ErrBusy) {
		t.Errorf("while a child runs: %v", err)
	}
	if err := os.WriteFile(resume, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := host.Settle(context20(t), "certbot", hosts.Fence{}, nil); err != nil {
		t.Error(err)
	}
}

// Whoever gives up waiting for a lock has not begun, and nothing begins later.
func TestBusy(t *testing.T) {
	t.Parallel()
	config := overSSH(t, sshd.New(t))
	config.LockWait = time.Second
	holder, waiter := open(t, config), open(t, config) // two processes as far as locks go
	c := newChange(t)
	held := make(chan error, 1)
	go func() {
		_, err := holder.Run(context20(t), c.command(), nil)
		held <- err
	}()
	await(t, c.begun)
	mark := filepath.Join(t.TempDir(), "mark")
	for _, host := range []*hosts.Host{holder, waiter} {
		var told []hosts.Line
		_, err := host.Run(context20(t), hosts.Command{Argv: []string{"touch", mark}, Lock: "certbot"},
			func(line hosts.Line) { told = append(told, line) })
		if !errors.Is(err, hosts.ErrBusy) || errors.Is(err, hosts.ErrLost) || len(told) > 0 {
			t.Errorf("%v, %v", err, told)
		}
	}
	c.finish(t, waiter)
	if err := <-held; err != nil {
		t.Error(err)
	}
	if err := waiter.Settle(context20(t), "certbot", hosts.Fence{}, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mark); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a command began though its caller had given up: %v", err)
	}
}

func TestLockExcludes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, host *hosts.Host) {
		dir := filepath.Join(t.TempDir(), "alone")
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, err := host.Run(context20(t), hosts.Command{Argv: []string{"sh", "-ec",
					`mkdir "$1"; sleep 0.05; rmdir "$1"`, "sh", dir}, Lock: "repo"}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// TestNobodyElseHoldsALock reads the mode of the files of a lock and of a fence.
func TestNobodyElseHoldsALock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	host := open(t, hosts.Config{Name: "here", LockDir: dir})
	command := hosts.Command{Argv: []string{"true"}, Lock: "nginx", Fence: hosts.Fence{Key: "run-1", Number: 1}}
	if _, err := host.Run(context20(t), command, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v: %v", entry.Name(), info.Mode(), err)
		}
	}
}
