package sandbox_test

import (
	"os/exec"
	"strings"
	"testing"
)

func TestInstallRefusesOtherMachines(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "./install")
	cmd.Env = []string{"PATH=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no Debian machine") {
		t.Errorf("got %v: %s", err, out)
	}
}
