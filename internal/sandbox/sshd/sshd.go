// Package sshd runs a private OpenSSH server for tests: keys and configuration in a directory of
// its own, a port of its own on 127.0.0.1, the account that runs the test as its only user.
// Connections can be cut while commands run over them. It holds no VPS and no world; whoever needs
// those builds them elsewhere.
package sshd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Alias is the host's name in the server's ssh_config.
const Alias = "sandbox-host"

// Server accepts connections and gives each to an sshd of its own, as inetd does.
type Server struct {
	// Dir holds id, id.pub, host_key, host_key.pub, authorized_keys, known_hosts, ssh_config,
	// sshd_config, and home, which is HOME of what runs over a connection.
	Dir string

	binary   string
	listener net.Listener
	mu       sync.Mutex
	open     map[*os.File]bool
	closed   bool
	running  sync.WaitGroup
}

// Start lays out dir, which must exist, and listens. The caller closes the server.
func Start(dir string) (*Server, error) {
	binary, err := exec.LookPath("sshd")
	if err != nil {
		binary = "/usr/sbin/sshd" // off the PATH of ordinary accounts on Debian
	}
	account, err := user.Current()
	if err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd's own, for privilege separation
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "home"), 0o700); err != nil {
		return nil, err
	}
	for _, key := range []string{"id", "host_key"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f",
			filepath.Join(dir, key)).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, binary: binary, listener: listener, open: make(map[*os.File]bool)}
	if err := s.configure(account.Username); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.running.Add(1)
	go s.accept()
	return s, nil
}

// New starts a server for one test and stops it after.
func New(t testing.TB) *Server {
	t.Helper()
	server, err := Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// Port is where the server listens on 127.0.0.1.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Config is the path of an ssh_config in which Alias is this server.
func (s *Server) Config() string { return filepath.Join(s.Dir, "ssh_config") }

func (s *Server) configure(account string) error {
	in := func(name string) string { return filepath.Join(s.Dir, name) }
	public, err := os.ReadFile(in("id.pub"))
	if err != nil {
		return err
	}
	host, err := os.ReadFile(in("host_key.pub"))
	if err != nil {
		return err
	}
	for name, lines := range map[string][]string{
		"authorized_keys": {string(public)},
		"known_hosts":     {fmt.Sprintf("[127.0.0.1]:%d %s", s.Port(), host)},
		"sshd_config": {
			"HostKey " + in("host_key"),
			"AuthorizedKeysFile " + in("authorized_keys"),
			"PidFile none",
			"UsePAM no",
			"StrictModes no",
			"PasswordAuthentication no",
			"KbdInteractiveAuthentication no",
			"PermitRootLogin prohibit-password",
			"PermitUserRC no",
			"PrintMotd no",
			"PrintLastLog no",
			"UseDNS no",
			"KexAlgorithms curve25519-sha256", // a third faster than the default, which is post-quantum
			"SetEnv HOME=" + in("home") + " LC_ALL=C.UTF-8 PATH=" + os.Getenv("PATH"),
		},
		"ssh_config": {
			"Host " + Alias,
			"  HostName 127.0.0.1",
			fmt.Sprintf("  Port %d", s.Port()),
			"  User " + account,
			"  IdentityFile " + in("id"),
			"  IdentitiesOnly yes",
			"  IdentityAgent none",
			"  UserKnownHostsFile " + in("known_hosts"),
			"  GlobalKnownHostsFile /dev/null",
		},
	} {
		if err := os.WriteFile(in(name), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) accept() {
	defer s.running.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		file, err := conn.(*net.TCPConn).File()
		_ = conn.Close()
		if err != nil {
			continue
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = file.Close()
			return
		}
		s.open[file] = true
		s.running.Add(1)
		s.mu.Unlock()
		go s.serve(file)
	}
}

func (s *Server) serve(conn *os.File) {
	defer s.running.Done()
	cmd := exec.Command(s.binary, "-i", "-e", "-f", filepath.Join(s.Dir, "sshd_config"))
	cmd.Stdin, cmd.Stdout = conn, conn
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	_ = cmd.Run() // how a connection ends is its client's business
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
	_ = conn.Close()
}

// Cut breaks every connection as a failing network would. What runs over them is not told.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = syscall.Shutdown(int(conn.Fd()), syscall.SHUT_RDWR)
	}
}

// Close stops listening, breaks every connection and waits for the processes that served them. It
// may be called again.
func (s *Server) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	err := s.listener.Close()
	s.Cut()
	s.running.Wait()
	return err
}
