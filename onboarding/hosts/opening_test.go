package hosts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/sshd"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// forced makes a program that sshd runs before every command, as a login shell, PAM or a forced
// command would.
func forced(t *testing.T, script string) *hosts.Host {
	t.Helper()
	server := sshd.New(t)
	path := filepath.Join(t.TempDir(), "forced")
	if err := os.WriteFile(path, []byte("#!/bin/bash\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(server.Dir, "authorized_keys")
	key, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, []byte(`command="`+path+`" `+string(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, overSSH(t, server))
}

const runs = `; exec bash -c "$SSH_ORIGINAL_COMMAND"`

func TestWhatTheHostPrintsBesideTheAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, greeting string }{
		"nothing":      {"true", ""},
		"a greeting":   {"echo 'Welcome to vps-0'; echo Have fun.", "Welcome to vps-0 / Have fun."},
		"no newline":   {"printf 'last login: '", "last login:"},
		"on the other": {"echo 'bash: warning: setlocale: LC_ALL: cannot change locale (xx_XX)' >&2", ""},
		"an escape":    {"printf '\\033[2Jhello\\n'", "hello"},
		"a locale":     {"export LC_ALL=xx_XX.UTF-8", ""},
		"much":         {"head -c 100000 /dev/zero | tr '\\0' x; echo", strings.Repeat("x", 4093) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := forced(t, test.before+runs)
			out, err := host.Output(context20(t), hosts.Command{Argv: []string{"printf", `a\n\000b`}})
			if err != nil || string(out) != "a\n\x00b" {
				t.Errorf("output %q, %v", out, err)
			}
			if got := host.Greeting(); got != test.greeting && name != "much" {
				t.Errorf("greeting %q, want %q", got, test.greeting)
			}
			if _, err := host.Ping(context20(t)); err != nil {
				t.Errorf("ping: %v", err)
			}
			for _, lock := range []string{"", "repo"} {
				argv := []string{"sh", "-c", "echo 'no space left on device' >&2; exit 3"}
				_, err := host.Run(context20(t), hosts.Command{Argv: argv, Lock: lock}, nil)
				exit, ok := errors.AsType[*hosts.ExitError](err)
				if !ok || exit.Code != 3 || !strings.HasSuffix(exit.Error(), "no space left on device") {
					t.Errorf("lock %q: %v", lock, err)
				}
			}
		})
	}
}

func TestHostThatRunsSomethingElse(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"a forced command": "echo 'only backups here'",
		"no login":         "echo 'This account is only backups here.'; exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := forced(t, script)
			for _, lock := range []string{"", "repo"} {
				_, err := host.Run(context20(t), hosts.Command{Argv: []string{"true"}, Lock: lock}, nil)
				if !errors.Is(err, hosts.ErrLost) || !strings.Contains(err.Error(), "only backups here") {
					t.Errorf("lock %q: %v", lock, err)
				}
			}
		})
	}
}
