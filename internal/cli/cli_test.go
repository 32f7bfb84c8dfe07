package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigCommand(t *testing.T) {
	for name, value := range map[string]string{"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1",
		"TMPDIR":                    t.TempDir(),
		"DATABASE_URL":              "postgres://onboardbot@localhost/onboardbot",
		"PLATFORM_DATABASE_URL":     "postgres://onboarder@localhost/platform",
		"ISOLATION_DATABASE_URL":    "postgres://auditor@localhost/platform",
		"PLATFORM_APP_DATABASE_URL": "postgres://platform_app@localhost/platform"} {
		t.Setenv(name, value)
	}
	var out strings.Builder
	if code := Run(t.Context(), &out, []string{"config", "-config", "../../config.example.yaml"}); code != OK {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"bot_token: <secret> # line ", ": $SLACK_BOT_TOKEN", "connections: 2 # default",
		"ipv4: 89.127.233.145 # line "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	incomplete := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(incomplete, []byte("vps: vps-0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := Run(t.Context(), &out, []string{"config", "-config", incomplete}); code != Usage ||
		!strings.Contains(out.String(), "vps: vps-0 # line 1") {
		t.Errorf("an incomplete file: exit status %d\n%s", code, out.String())
	}
	for _, args := range [][]string{{"-config", "/nowhere"}, {"-verbose"}, {"more"}} {
		if code := Run(t.Context(), &out, append([]string{"config"}, args...)); code != Usage {
			t.Errorf("%q: exit status %d", args, code)
		}
	}
}

func TestReadyCommand(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		fmt.Fprintln(w, "slack: no Socket Mode connection is up")
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(address, ":")
	for _, c := range []struct {
		listen       string
		status, code int
	}{
		{address, http.StatusOK, OK}, {":" + port, http.StatusOK, OK}, {"0.0.0.0:" + port, http.StatusOK, OK},
		{address, http.StatusServiceUnavailable, Failed}, {"127.0.0.1:9", http.StatusOK, Failed},
		{"off", http.StatusOK, Usage},
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte("http: {listen: \""+c.listen+"\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		status = c.status
		var out strings.Builder
		if code := Run(t.Context(), &out, []string{"ready", "-config", path}); code != c.code ||
			(out.Len() > 0) != (code == OK) {
			t.Errorf("%s, HTTP %d: exit status %d, %s", c.listen, c.status, code, out.String())
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-h"}, {"help"}, {"--help"}, {}} {
		var out strings.Builder
		code := Run(t.Context(), &out, args)
		if (code == OK) != (len(args) > 0) {
			t.Errorf("%q: exit status %d", args, code)
		}
		for _, command := range subcommands() {
			if !strings.Contains(out.String(), "  "+command.name+" ") {
				t.Errorf("%q does not name %s", args, command.name)
			}
		}
	}
	for _, command := range subcommands() {
		if code := Run(t.Context(), new(strings.Builder), []string{command.name, "-h"}); code != OK {
			t.Errorf("%s -h: exit status %d", command.name, code)
		}
		if command.example == "" || command.about == "" {
			t.Errorf("%s explains nothing", command.name)
		}
	}
	if code := Run(t.Context(), new(strings.Builder), []string{"dance"}); code != Usage {
		t.Errorf("exit status %d", code)
	}
}

func TestManifestCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
	}{
		{nil, OK}, {[]string{"-name", "Onboarding (staging)"}, OK}, {[]string{"-format", "xml"}, Usage},
		{[]string{"-name", strings.Repeat("x", 36)}, Usage}, {[]string{"-config", "x"}, Usage},
	} {
		var out strings.Builder
		if code := Run(t.Context(), &out, append([]string{"manifest"}, c.args...)); code != c.code ||
			(out.Len() > 0) != (code == OK) {
			t.Errorf("%q: exit status %d, %s", c.args, code, out.String())
		}
	}
	var out strings.Builder
	Run(t.Context(), &out, []string{"manifest", "-name", "Onboarding (staging)"})
	want, err := os.ReadFile("../../templates/manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("{{.Name}}", `"Onboarding (staging)"`, "{{.Handle}}",
		"onboarding-staging").Replace(string(want))
	if diff := cmp.Diff(filled, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTOTPCommandSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	const config = "database:\n  url: postgres://onboardbot@localhost/onboardbot\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for code, args := range map[int][]string{
		Usage:  {"totp", "enroll", "-config", file, "-operator", "bo"},
		Failed: {"totp", "enroll", "-config", file, "-operator", "U0BO"}, // there is no key
	} {
		if got := Run(t.Context(), new(strings.Builder), args); got != code {
			t.Errorf("%q: exit status %d, want %d", args, got, code)
		}
	}
}

// TestHalfBlocks draws two modules above each other in one character, and a border that scanners
// need.
func TestHalfBlocks(t *testing.T) {
	drawn := halfBlocks(2, func(x, y int) bool { return x >= 0 && x < 2 && y >= 0 && y < 2 && (x == 0 || y == 0) })
	border := strings.Repeat("█", 10) + "\n"
	if want := border + border + "████ ▄████\n" + border + border; drawn != want {
		t.Errorf("drawn is\n%s", drawn)
	}
}
