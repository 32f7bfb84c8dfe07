package sandbox_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

func TestMain(m *testing.M) { os.Exit(namespace.Main(m)) }

// start builds a world for one test. Its folder is not t.TempDir, whose path can be too long for PostgreSQL's socket.
func start(t *testing.T, config sandbox.Config) *sandbox.World {
	t.Helper()
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	began := time.Now()
	world, err := sandbox.Start(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("world up after %d ms", time.Since(began).Milliseconds())
	t.Cleanup(world.Close)
	return world
}

func runbook(t *testing.T, world *sandbox.World, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{"-c", sandbox.Runbook, "runbook"}, args...)...)
	cmd.Env = append(os.Environ(), world.Environment()...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func TestRunbookByHand(t *testing.T) {
	world := start(t, sandbox.Config{})
	runbook(t, world, "merche-biche", "merche-biche.com", "merche@example.com", "Merche Biche")
}
