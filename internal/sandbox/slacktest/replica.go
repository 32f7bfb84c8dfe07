package slacktest

import (
	"os"
	"os/exec"
)

// The environment of a test binary that runs as a replica.
const (
	childDSN = "SLACKTEST_DSN"
	childURL = "SLACKTEST_API_URL"
)

// Child reports whether the test binary was started by [World.Replica], and the database and the
// Web API of that world. TestMain then runs the replica instead of the tests.
func Child() (dsn, apiURL string, is bool) {
	dsn = os.Getenv(childDSN)
	return dsn, os.Getenv(childURL), dsn != ""
}

// Replica starts the test binary as another process in the same world; see [Child]. kill ends it
// as kill -9 does, and so does the end of the test.
func (w *World) Replica() (kill func()) {
	w.T.Helper()
	self, err := os.Executable()
	if err != nil {
		w.T.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDSN+"="+w.DSN, childURL+"="+w.APIURL)
	cmd.Stderr = w.Log
	if err := cmd.Start(); err != nil {
		w.T.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	w.T.Cleanup(kill)
	return kill
}
