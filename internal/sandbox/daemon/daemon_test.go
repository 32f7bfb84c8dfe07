package daemon_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	// An address of its own: nobody else listens there, and no connection from 127.0.0.1 can meet
	// itself.
	listener, err := net.Listen("tcp", "127.77.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := daemon.Listens(listener.Addr().String())
	if err := ready(t.Context()); err != nil {
		t.Error(err)
	}
	listener.Close()
	if err := ready(t.Context()); err == nil {
		t.Error("a closed address listens")
	}
}

func TestProgramNamesThePackage(t *testing.T) {
	t.Parallel()
	if _, err := daemon.Program("no-such-program", "some-package"); err == nil ||
		!strings.Contains(err.Error(), "install the package some-package") {
		t.Errorf("got %v", err)
	}
}
