package hosts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestInputThatStops has a client stop in the middle of a command's input, as a process does that
// is frozen or a machine that is gone: it holds up nobody, and the command never begins.
func TestInputThatStops(t *testing.T) {
	t.Parallel()
	host, err := New(Config{Name: "here", LockDir: t.TempDir(), LockWait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	begun := filepath.Join(t.TempDir(), "begun")
	sent := strings.Repeat("half of it", 10_000) // more than a pipe holds, so the script is reading once it is written
	stopped := exec.Command("bash", "-c", changeScript, "onboardbot", host.lockFile("repo"), "60", "", "", "0",
		"somebody", strconv.Itoa(2*len(sent)), "touch", begun)
	input, err := stopped.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stopped.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := input.Write([]byte(sent)); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Run(t.Context(), Command{Argv: []string{"true"}, Lock: "repo"}, nil); err != nil {
		t.Errorf("beside a command whose input has stopped: %v", err)
	}
	input.Close()
	if err := stopped.Wait(); stopped.ProcessState.ExitCode() != 74 {
		t.Errorf("a command whose input was cut short: %v", err)
	}
	if _, err := os.Stat(begun); err == nil {
		t.Error("the command began")
	}
	if left, _ := filepath.Glob(filepath.Join(host.config.LockDir, "onboardbot-input-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
