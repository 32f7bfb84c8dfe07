package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigCommand(t *testing.T) {
	example(t) // sets its environment
	var out strings.Builder
	if code := dispatch(t.Context(), &out, []string{"config", "-config", "config.example.yaml"}); code != exitOK {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"bot_token: <secret> # line ", ": $SLACK_BOT_TOKEN", "connections: 2 # default", "ipv4: 89.127.233.145 # line "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	incomplete := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(incomplete, []byte("vps: vps-0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := dispatch(t.Context(), &out, []string{"config", "-config", incomplete}); code != exitUsage || !strings.Contains(out.String(), "vps: vps-0 # line 1") {
		t.Errorf("an incomplete file: exit status %d\n%s", code, out.String())
	}
	for _, args := range [][]string{{"-config", "/nowhere"}, {"-verbose"}, {"more"}} {
		if code := dispatch(t.Context(), &out, append([]string{"config"}, args...)); code != exitUsage {
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
		{address, http.StatusOK, exitOK}, {":" + port, http.StatusOK, exitOK}, {"0.0.0.0:" + port, http.StatusOK, exitOK},
		{address, http.StatusServiceUnavailable, exitFailed}, {"127.0.0.1:9", http.StatusOK, exitFailed}, {"off", http.StatusOK, exitUsage},
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte("http: {listen: \""+c.listen+"\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		status = c.status
		var out strings.Builder
		if code := dispatch(t.Context(), &out, []string{"ready", "-config", path}); code != c.code || (out.Len() > 0) != (code == exitOK) {
			t.Errorf("%s, HTTP %d: exit status %d, %s", c.listen, c.status, code, out.String())
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-h"}, {"help"}, {"--help"}, {}} {
		var out strings.Builder
		code := dispatch(t.Context(), &out, args)
		if (code == exitOK) != (len(args) > 0) {
			t.Errorf("%q: exit status %d", args, code)
		}
		for _, command := range subcommands() {
			if !strings.Contains(out.String(), "  "+command.name+" ") {
				t.Errorf("%q does not name %s", args, command.name)
			}
		}
	}
	for _, command := range subcommands() {
		if code := dispatch(t.Context(), new(strings.Builder), []string{command.name, "-h"}); code != exitOK {
			t.Errorf("%s -h: exit status %d", command.name, code)
		}
		if command.example == "" || command.about == "" {
			t.Errorf("%s explains nothing", command.name)
		}
	}
	if code := dispatch(t.Context(), new(strings.Builder), []string{"dance"}); code != exitUsage {
		t.Errorf("exit status %d", code)
	}
}
