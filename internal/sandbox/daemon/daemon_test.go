package daemon_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
)

// serve is a process that makes a file when it is up.
func serve(t *testing.T, script string) daemon.Config {
	t.Helper()
	dir := t.TempDir()
	up := filepath.Join(dir, "up")
	return daemon.Config{
		Name:    "server",
		Command: []string{"/bin/sh", "-c", script, up},
		Log:     filepath.Join(dir, "log"),
		Ready: func(context.Context) error {
			_, err := os.Stat(up)
			return err
		},
	}
}

func TestStartStopKillAndStartAgain(t *testing.T) {
	t.Parallel()
	d, err := daemon.Start(t.Context(), serve(t, `touch "$0"; exec sleep 600`))
	if err != nil {
		t.Fatal(err)
	}
	first := d.Pid()
	if err := d.Start(t.Context()); err != nil || d.Pid() != first {
		t.Errorf("starting what runs: %v, process %d after %d", err, d.Pid(), first)
	}
	d.Stop()
	if d.Pid() != 0 {
		t.Errorf("process %d runs on", d.Pid())
	}
	if err := d.Freeze(); err == nil {
		t.Error("what does not run can be frozen")
	}
	if err := d.Start(t.Context()); err != nil || d.Pid() == 0 || d.Pid() == first {
		t.Errorf("starting again: %v, process %d after %d", err, d.Pid(), first)
	}
	if err := d.Freeze(); err != nil {
		t.Error(err)
	}
	d.Stop()
	d.Kill()
	if d.Pid() != 0 {
		t.Errorf("process %d runs on", d.Pid())
	}
}

func TestStartSaysWhatTheProcessSaid(t *testing.T) {
	t.Parallel()
	_, err := daemon.Start(t.Context(), serve(t, `echo "no such zone" >&2; exit 1`))
	if err == nil || !strings.Contains(err.Error(), "server ended at once: no such zone") {
		t.Errorf("got %v", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := daemon.Start(ctx, serve(t, "exec sleep 600")); err == nil ||
		!strings.Contains(err.Error(), "server is not ready") {
		t.Errorf("got %v", err)
	}
}

func TestListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := daemon.Listens(listener.Addr().String())(t.Context()); err != nil {
		t.Error(err)
	}
	// A port that is taken, so that nobody else can listen there, and refuses connections.
	taken, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(taken)
	if err := unix.Bind(taken, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(taken)
	if err != nil {
		t.Fatal(err)
	}
	deaf := fmt.Sprintf("127.0.0.1:%d", address.(*unix.SockaddrInet4).Port)
	if err := daemon.Listens(deaf)(t.Context()); err == nil {
		t.Error("a port at which nobody listens is ready")
	}
}

func TestProgramNamesThePackage(t *testing.T) {
	t.Parallel()
	if _, err := daemon.Program("no-such-program", "some-package"); err == nil ||
		!strings.Contains(err.Error(), "install the package some-package") {
		t.Errorf("got %v", err)
	}
}
