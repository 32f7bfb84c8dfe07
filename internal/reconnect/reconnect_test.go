package reconnect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/reconnect"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// The server ends all sessions while they are idle in the pool: the next transaction begins all
// the same, and runs once.
func TestBeginReplacesBrokenConnections(t *testing.T) {
	t.Parallel()
	database := postgres.Database(t)
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	var idle []*pgxpool.Conn
	var sessions []uint32
	for range 3 {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		idle, sessions = append(idle, conn), append(sessions, conn.Conn().PgConn().PID())
	}
	for _, conn := range idle {
		conn.Release()
	}
	admin, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	for _, session := range sessions {
		if _, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend($1, 5000)`, session); err != nil {
			t.Fatal(err)
		}
	}
	runs := 0
	err = pgx.BeginFunc(t.Context(), reconnect.Pool{Pool: pool}, func(tx pgx.Tx) error {
		runs++
		_, err := tx.Exec(t.Context(), "SELECT 1")
		return err
	})
	if err != nil || runs != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
	_, unsent := conn.Exec(t.Context(), "SELECT 1")
	for _, test := range []struct {
		err  error
		want bool
	}{
		{unsent, true}, // pgconn.SafeToRetry: nothing was sent
		{fmt.Errorf("query: %w", io.ErrUnexpectedEOF), true},
		{fmt.Errorf("write: %w", syscall.EPIPE), true},
		{&pgconn.PgError{Code: "57P01"}, true},
		{&pgconn.PgError{Code: "57014"}, false}, // a statement was cancelled
		{&pgconn.PgError{Code: "23505"}, false},
		{context.DeadlineExceeded, false},
		{errors.New("broken pipe"), false}, // only a type counts
		{nil, false},
	} {
		if got := reconnect.Broken(test.err); got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
}
