// Package postgres runs private PostgreSQL servers for the demo and the tests: a data directory of its own, a unix socket,
// no TCP port and no second account on the machine. It knows no schema; what lives in the databases belongs to its callers.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser is the role that owns every server started here.
const Superuser = "postgres"

// maxSocketPath is the length of sun_path in unix(7), less the terminating NUL.
const maxSocketPath = 107

// Server is one running PostgreSQL server.
type Server struct {
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
	next atomic.Int64
}

// binaries returns the folder of the newest installed server, since Debian keeps them off the PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL server found in /usr/lib/postgresql: install the package postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// asUser wraps a command so that the server does not see uid 0, which it refuses.
func asUser(name string, args ...string) *exec.Cmd {
	if os.Getuid() != 0 {
		return exec.Command(name, args...)
	}
	return exec.Command("unshare", append([]string{"--user", "--map-user=1000", "--map-group=1000", "--", name}, args...)...)
}

// Start runs a server whose files all live in dir, which is made if it is missing, and returns when it answers. The caller
// closes it. settings are extra "name=value" server settings.
func Start(ctx context.Context, dir string, settings ...string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if socket := filepath.Join(dir, ".s.PGSQL.5432"); len(socket) > maxSocketPath {
		return nil, fmt.Errorf("postgres: socket path %q is longer than %d bytes", socket, maxSocketPath)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		initdb := asUser(filepath.Join(bin, "initdb"), "-D", data, "-U", Superuser, "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8")
		if out, err := initdb.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("initdb: %w: %s", err, out)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "synchronous_commit=off", "-c", "max_connections=300", "-c", "shared_buffers=64MB"}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	cmd := asUser(filepath.Join(bin, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	server := &Server{dir: dir, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(server.done)
	}()
	if err := server.ready(ctx); err != nil {
		_ = server.Close()
		return nil, err
	}
	return server, nil
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.DSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.done:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("postgres ended at once: %s", log)
		case <-ctx.Done():
			return fmt.Errorf("postgres did not answer: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// DSN is the connection string of a database for the superuser.
func (s *Server) DSN(database string) string { return s.DSNAs(Superuser, database) }

// DSNAs is the connection string of a database for one role; every role is trusted without a password.
func (s *Server) DSNAs(role, database string) string {
	query := url.Values{"host": {s.dir}}
	return (&url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: query.Encode()}).String()
}

// NewDatabase creates an empty database with a fresh name and returns the name.
func (s *Server) NewDatabase(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name := fmt.Sprintf("db%d", s.next.Add(1))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	return name, nil
}

// Close stops the server at once. Its files stay.
func (s *Server) Close() error {
	// The postmaster may be a child of unshare; the group reaches both. SIGQUIT is PostgreSQL's immediate shutdown.
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.done
	}
	return nil
}

var shared struct {
	sync.Mutex
	server *Server
	dir    string
}

// Main runs a package's tests and then stops the server that they shared, if any. Call it from TestMain as
// os.Exit(postgres.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		_ = shared.server.Close()
		_ = os.RemoveAll(shared.dir)
	}
	return code
}

// Shared returns the test binary's own server, started at its first use. The package's TestMain must call [Main].
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		dir, err := os.MkdirTemp("", "pg")
		if err != nil {
			t.Fatal(err)
		}
		server, err := Start(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		shared.server, shared.dir = server, dir
	}
	return shared.server
}

// Database returns the superuser's connection string of a new, empty database on the test binary's own server.
func Database(t testing.TB) string {
	t.Helper()
	server := Shared(t)
	name, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return server.DSN(name)
}
