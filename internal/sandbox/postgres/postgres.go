// Package postgres runs private PostgreSQL servers for the demo and the tests: a data directory of
// its own, a unix socket, no TCP port and no second account on the machine. It knows no schema;
// what lives in the databases belongs to its callers.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
	"github.com/atlilith/onboardbot/internal/sandbox/scratch"
)

// Superuser is the role that owns every server started here.
const Superuser = "postgres"

// maxSocketPath is the length of sun_path in unix(7), less the terminating NUL.
const maxSocketPath = 107

// Server is one running PostgreSQL server.
type Server struct {
	dir    string
	daemon *daemon.Daemon
	next   atomic.Int64
	// admin creates and drops databases.
	admin *pgxpool.Pool

	filling sync.Mutex
	filled  map[string]string // databases to copy, by what they are filled with
}

// Binaries is the environment variable that names the folder of another server's programs than the
// installed one's.
const Binaries = "ONBOARDBOT_POSTGRES"

// binaries returns the folder of the newest installed server, since Debian keeps them off the
// PATH.
func binaries() (string, error) {
	if bin := os.Getenv(Binaries); bin != "" {
		return bin, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL server found in /usr/lib/postgresql: install the package postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// asUser wraps a command so that the server does not see uid 0, which it refuses.
func asUser(command ...string) []string {
	if os.Getuid() != 0 {
		return command
	}
	return append([]string{"unshare", "--user", "--map-user=1000", "--map-group=1000", "--"}, command...)
}

// Start runs a server whose files all live in dir, which is made if it is missing, and returns
// when it answers. The caller closes it. settings are extra "name=value" server settings.
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
		if err := createCluster(ctx, bin, data); err != nil {
			return nil, err
		}
	}
	command := []string{filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c",
		"listen_addresses=", "-c", "fsync=off",
		"-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "max_connections=300", "-c",
		"shared_buffers=64MB", "-c", "jit=off"}
	for _, setting := range settings {
		command = append(command, "-c", setting)
	}
	server := &Server{dir: dir, filled: map[string]string{}}
	if server.admin, err = pgxpool.New(ctx, server.DSN(Superuser)); err != nil {
		return nil, err
	}
	server.daemon, err = daemon.Start(ctx, daemon.Config{
		Name:    "postgres",
		Command: asUser(command...),
		Log:     filepath.Join(dir, "log"),
		Ready:   server.ready,
		Stop:    syscall.SIGQUIT,
	})
	if err != nil {
		server.admin.Close()
		return nil, err
	}
	return server, nil
}

func (s *Server) ready(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.DSN(Superuser))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// DSN is the connection string of a database for the superuser.
func (s *Server) DSN(database string) string { return s.DSNAs(Superuser, database) }

// DSNAs is the connection string of a database for one role; every role is trusted without a
// password.
func (s *Server) DSNAs(role, database string) string {
	query := url.Values{"host": {s.dir}}
	return (&url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: query.Encode()}).String()
}

// NewDatabase creates an empty database with a fresh name and returns the name.
func (s *Server) NewDatabase(ctx context.Context) (string, error) {
	return s.CopyDatabase(ctx, "template0")
}

// CopyDatabase creates a copy of a database, to which nobody may be connected, and returns its name.
func (s *Server) CopyDatabase(ctx context.Context, template string) (string, error) {
	name := fmt.Sprintf("db%d", s.next.Add(1))
	if _, err := s.admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy"); err != nil {
		return "", err
	}
	return name, nil
}

// DropDatabase drops a database and ends the connections to it.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	_, err := s.admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
	return err
}

// Daemon is the server's process. Frozen, it takes new connections and answers none, while those
// that are open go on.
func (s *Server) Daemon() *daemon.Daemon { return s.daemon }

// Close stops the server at once, by PostgreSQL's immediate shutdown. Its files stay.
func (s *Server) Close() error {
	s.admin.Close()
	s.daemon.Stop()
	return nil
}

var shared struct {
	sync.Mutex
	server *Server
	dir    string
}

// Main runs a package's tests and then stops the server that they shared, if any. Call it from
// TestMain as os.Exit(postgres.Main(m)).
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

// Shared returns the test binary's own server, started at its first use. The package's TestMain
// must call [Main].
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		dir, err := scratch.Dir("pg")
		if err != nil {
			t.Fatal(err)
		}
		server, err := Start(t.Context(), dir, "max_wal_size=128MB", "autovacuum=off", "log_min_messages=fatal")
		if err != nil {
			t.Fatal(err)
		}
		shared.server, shared.dir = server, dir
	}
	return shared.server
}

// Database returns the superuser's connection string of a new, empty database on the test binary's
// own server.
func Database(t testing.TB) string {
	t.Helper()
	server := Shared(t)
	name, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return server.DSN(name)
}

// Filled returns the superuser's connection string of a new database, a copy of one that fill is called
// with once in the life of the test binary, for each name. fill closes its connections.
func Filled(t testing.TB, name string, fill func(dsn string) error) string {
	t.Helper()
	server := Shared(t)
	template, err := server.template(t.Context(), name, fill)
	if err == nil {
		name, err = server.CopyDatabase(t.Context(), template)
	}
	if err != nil {
		t.Fatal(err)
	}
	return server.DSN(name)
}

// template returns the name of the database that fill has filled.
func (s *Server) template(ctx context.Context, name string, fill func(dsn string) error) (string, error) {
	s.filling.Lock()
	defer s.filling.Unlock()
	if template := s.filled[name]; template != "" {
		return template, nil
	}
	template, err := s.NewDatabase(ctx)
	if err == nil {
		err = fill(s.DSN(template))
	}
	if err == nil {
		s.filled[name] = template
	}
	return template, err
}
