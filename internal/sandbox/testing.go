package sandbox

import (
	"os"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/scratch"
)

// New starts a world for one test and closes it afterwards. The package's TestMain must run the
// tests in a namespace, as os.Exit(namespace.Main(m)). Only one test at a time may have a world.
func New(t testing.TB, config Config) *World {
	t.Helper()
	dir, err := scratch.Dir("world")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	world, err := Start(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	return world
}
