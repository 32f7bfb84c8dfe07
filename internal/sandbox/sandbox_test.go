package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/scratch"
)

// hold names, in the environment of another run of the test binary, the folder in which it builds
// a world to hold.
const hold = "SANDBOX_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(hold); dir != "" {
		os.Exit(namespace.Main(namespace.Func(func() int { return holdWorld(dir) })))
	}
	os.Exit(namespace.Main(m))
}

// holdWorld says "up" when a world is, and keeps it until standard input closes.
func holdWorld(dir string) int {
	world, err := sandbox.Start(context.Background(), dir, sandbox.Config{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer world.Close()
	fmt.Println("up")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestRunbookByHand(t *testing.T) {
	began := time.Now()
	world := sandbox.New(t, sandbox.Config{})
	t.Logf("world up after %d ms", time.Since(began).Milliseconds())
	cmd := exec.CommandContext(t.Context(), "bash", "-c", sandbox.Runbook, "runbook",
		"merche-biche", "merche-biche.com", "merche@example.com", "Merche Biche")
	cmd.Env = append(os.Environ(), world.Environment()...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	log := output(t, "git", "-C", world.Repo.Origin, "log", "--format=%s", "-3")
	if want := "Put merche-biche.com live\nKeep certbot's configuration of merche-biche.com\nAdd " +
		"merche-biche.com\n"; log != want {
		t.Errorf("origin has\n%swant\n%s", log, want)
	}
}

// output is what a command prints.
func output(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", command, err, out)
	}
	return string(out)
}

// get is the status and the body at a URL.
func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestWorldsDoNotMeetAndDieAtOnce(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var worlds sync.WaitGroup
	for range 2 {
		dir, err := scratch.Dir("world")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), hold+"="+dir)
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		worlds.Go(func() {
			began := time.Now()
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
				t.Errorf("got %q, %v", line, err)
			}
			t.Logf("one of two worlds up after %d ms", time.Since(began).Milliseconds())
		})
		defer func() {
			if n := len(processes(t, dir)); n < 5 {
				t.Errorf("%d processes belong to the world in %s", n, dir)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait()
			deadline := time.Now().Add(5 * time.Second)
			for len(processes(t, dir)) > 0 {
				if time.Now().After(deadline) {
					t.Fatalf("after kill -9 there are still %q", processes(t, dir))
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	worlds.Wait()
}

// processes are the command lines that name a folder.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range paths {
		// A process may end between the two.
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), dir) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
