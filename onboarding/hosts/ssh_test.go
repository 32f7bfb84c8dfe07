package hosts_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/sshd"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

func TestUnreachable(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit := func(t *testing.T, path, old, replacement string) {
		t.Helper()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), old) {
			t.Fatalf("%s has no %q", path, old)
		}
		write(t, path, strings.Replace(string(content), old, replacement, 1))
	}
	port := func(s *sshd.Server) string { return "Port " + strconv.Itoa(s.Port()) }
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, s *sshd.Server)
		want  string
	}{
		{"refused", func(t *testing.T, s *sshd.Server) {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}, "nothing listens on its ssh port"},
		{"unknown host key", func(t *testing.T, s *sshd.Server) { write(t, filepath.Join(s.Dir, "known_hosts"), "") },
			"its host key is not in known_hosts"},
		{"other host key", func(t *testing.T, s *sshd.Server) {
			other := filepath.Join(t.TempDir(), "other")
			if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
				other).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			key, err := os.ReadFile(other + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(s.Dir, "known_hosts"), "[127.0.0.1]:"+strconv.Itoa(s.Port())+" "+string(key))
		}, "it shows another host key than known_hosts has"},
		{"key refused", func(t *testing.T, s *sshd.Server) { write(t, filepath.Join(s.Dir, "authorized_keys"), "") },
			"it refused the key"},
		{"no such name", func(t *testing.T, s *sshd.Server) {
			edit(t, s.Config(), "HostName 127.0.0.1", "HostName no-such-host.invalid")
		}, "its name does not resolve"},
		{"silent", func(t *testing.T, s *sshd.Server) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			edit(t, s.Config(), port(s), "Port "+strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
		}, "it accepts the connection and then sends nothing"},
		{"hangs up", func(t *testing.T, s *sshd.Server) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_ = conn.Close()
				}
			}()
			edit(t, s.Config(), port(s), "Port "+strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
		}, "sshd closed the connection before the handshake"},
		{"bad configuration", func(t *testing.T, s *sshd.Server) {
			edit(t, s.Config(), "IdentitiesOnly yes",
				"NoSuchOption yes")
		}, "ssh_config has an error"},
		{"no configuration", func(t *testing.T, s *sshd.Server) {
			if err := os.Remove(s.Config()); err != nil {
				t.Fatal(err)
			}
		}, "ssh_config cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := sshd.New(t)
			test.spoil(t, server)
			config := overSSH(t, server)
			config.ConnectTimeout = time.Second
			for _, lock := range []string{"", "repo"} {
				_, err := open(t, config).Run(context20(t), hosts.Command{Argv: []string{"true"}, Lock: lock}, nil)
				if !errors.Is(err, hosts.ErrUnreachable) ||
					!strings.Contains(err.Error(), ": host unreachable: "+test.want) {
					t.Errorf("lock %q: %v", lock, err)
				}
			}
		})
	}
}

// What a command prints is never taken for what ssh says.
func TestLost(t *testing.T) {
	t.Parallel()
	host, server := remote(t)
	dir := t.TempDir()
	begun := fifo(t, dir, "begun")
	failed := make(chan error, 1)
	go func() {
		_, err := host.Run(context20(t), hosts.Command{Argv: []string{"sh", "-c",
			`echo "ssh: connect to host x port 22: Connection refused" >&2; echo >"$1"; sleep 20`, "sh", begun}}, nil)
		failed <- err
	}()
	await(t, begun)
	server.Cut()
	if err := <-failed; !errors.Is(err, hosts.ErrLost) || errors.Is(err, hosts.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if _, err := host.Ping(context20(t)); err != nil { // a new connection takes over
		t.Error(err)
	}
}

// More commands at once than sshd takes over one connection all run, and none prints a word of
// ssh's.
func TestManySessions(t *testing.T) {
	t.Parallel()
	host, _ := remote(t)
	if _, err := host.Ping(context20(t)); err != nil {
		t.Fatal(err)
	}
	const many = 14
	dir := t.TempDir()
	resume, err := os.OpenFile(fifo(t, dir, "resume"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer resume.Close()
	var all sync.WaitGroup
	begun := make(chan bool, many)
	for range many {
		all.Go(func() {
			result, err := host.Run(context20(t), hosts.Command{Argv: []string{"sh", "-c",
				`echo begun; read line <"$1"; exit 0`, "sh", resume.Name()}}, func(hosts.Line) { begun <- true })
			if err != nil || result.Text() != "begun\n" {
				t.Errorf("%q, %v", result.Text(), err)
			}
		})
	}
	for range many {
		<-begun
	}
	if _, err := resume.WriteString(strings.Repeat("go\n", many)); err != nil { // a line for each
		t.Fatal(err)
	}
	all.Wait()
}

// The process that keeps the shared connection holds none of its first command's pipes.
func TestFirstCommandIsNotHeldUp(t *testing.T) {
	t.Parallel()
	host, _ := remote(t)
	result, err := host.Run(context20(t), hosts.Command{Argv: []string{"true"}}, nil)
	if err != nil || result.Duration > 1500*time.Millisecond {
		t.Errorf("%v after %v", err, result.Duration)
	}
}

func TestNoLogIsLeft(t *testing.T) {
	t.Parallel()
	config := overSSH(t, sshd.New(t))
	host := open(t, config)
	ctx, cancel := context.WithCancel(context20(t))
	_, _ = host.Run(ctx, hosts.Command{Argv: []string{"true"}}, nil)
	cancel()
	_, _ = host.Run(ctx, hosts.Command{Argv: []string{"true"}}, nil)
	left, err := filepath.Glob(filepath.Join(config.ControlDir, "log-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// With go test -bench: what a round trip costs over the shared connection, with and without a
// lock.
func BenchmarkRun(b *testing.B) {
	server := sshd.New(b)
	dir, err := os.MkdirTemp("", "ssh")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	host, err := hosts.New(hosts.Config{Name: "there", SSH: sshd.Alias, SSHConfig: server.Config(),
		LockDir: b.TempDir(), ControlDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer host.Close()
	for name, lock := range map[string]string{"look": "", "change": "repo"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := host.Run(b.Context(), hosts.Command{Argv: []string{"true"}, Lock: lock},
					nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestNoAgentIsForwarded has an ssh configuration that forwards the agent to every host: root on
// one of them would reach the others with the bot's keys.
func TestNoAgentIsForwarded(t *testing.T) {
	dir := shortDir(t)
	socket := filepath.Join(dir, "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	said, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(said).ReadString('\n'); err != nil { // it names its socket once that is there
		t.Fatal(err)
	}
	defer func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
	server := sshd.New(t)
	config := overSSH(t, server)
	own, err := os.ReadFile(config.SSHConfig)
	if err != nil {
		t.Fatal(err)
	}
	config.SSHConfig = filepath.Join(dir, "config")
	if err := os.WriteFile(config.SSHConfig,
		append([]byte("ForwardAgent yes\nIdentityAgent SSH_AUTH_SOCK\n"), own...), 0o600); err != nil {
		t.Fatal(err)
	}
	command := []string{"sh", "-c", `echo "agent: $SSH_AUTH_SOCK"`}
	out, err := exec.CommandContext(t.Context(), "ssh", "-F", config.SSHConfig, sshd.Alias,
		`echo "agent: $SSH_AUTH_SOCK"`).Output()
	if err != nil || strings.TrimSpace(string(out)) == "agent:" {
		t.Fatalf("the configuration forwards no agent: %q, %v", out, err)
	}
	out, err = open(t, config).Output(context20(t), hosts.Command{Argv: command})
	if err != nil || strings.TrimSpace(string(out)) != "agent:" {
		t.Errorf("%q, %v", out, err)
	}
}
