package locks_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func open(t *testing.T, pool *pgxpool.Pool) *locks.Session {
	t.Helper()
	session, err := locks.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func tryLock(t *testing.T, session *locks.Session, name locks.Name, want bool) {
	t.Helper()
	if locked, err := session.TryLock(t.Context(), name); err != nil || locked != want {
		t.Fatalf("%s: locked %t, %v, want %t", name, locked, err, want)
	}
}

func holds(t *testing.T, session *locks.Session, name locks.Name, want bool) {
	t.Helper()
	if held, err := session.Holds(t.Context(), name); err != nil || held != want {
		t.Fatalf("%s: held %t, %v, want %t", name, held, err, want)
	}
}

func TestOneSessionHoldsALock(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	first, second := open(t, pool), open(t, pool)
	defer second.Close()
	for _, name := range []locks.Name{locks.Named("run", "1"), locks.Numbered("number", -7)} {
		tryLock(t, first, name, true)
		tryLock(t, second, name, false)
		tryLock(t, second, locks.Named("run", "2"), true)
		holds(t, first, name, true)
		holds(t, second, name, false)
		if err := first.Unlock(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		holds(t, first, name, false)
		tryLock(t, second, name, true)
	}
	tryLock(t, first, locks.Named("run", "3"), true)
	first.Close()
	tryLock(t, second, locks.Named("run", "3"), true)
}

// A lock outlives neither its connection nor an unlock that failed.
func TestALostConnectionFreesItsLocks(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	first, second := open(t, pool), open(t, pool)
	defer second.Close()
	name := locks.Named("run", "1")
	tryLock(t, first, name, true)
	if _, err := second.Conn().Exec(t.Context(), `SELECT pg_terminate_backend($1, 5000)`,
		first.Conn().PgConn().PID()); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Holds(t.Context(), name); err == nil {
		t.Error("a lost connection says what it holds")
	}
	if err := first.Unlock(t.Context(), name); err == nil || !first.Conn().IsClosed() {
		t.Errorf("unlock: %v, closed %t", err, first.Conn().IsClosed())
	}
	tryLock(t, second, name, true)
	first.Close()
}

func TestAlone(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	name, failure := locks.Named("sweep"), errors.New("sweep")
	ran, err := locks.Alone(t.Context(), pool, name, func(ctx context.Context) error {
		inner, err := locks.Alone(ctx, pool, name, func(context.Context) error { return nil })
		if inner || err != nil {
			t.Errorf("two at once: %t, %v", inner, err)
		}
		return failure
	})
	if !ran || !errors.Is(err, failure) {
		t.Errorf("ran %t, %v", ran, err)
	}
	if ran, err = locks.Alone(t.Context(), pool, name, func(context.Context) error { return nil }); !ran || err != nil {
		t.Errorf("the next: %t, %v", ran, err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	session, err := locks.Dial(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	client := locks.Named("client", "replica-1")
	if err := session.Lock(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	key, err := locks.Key(t.Context(), pool, client)
	if err != nil {
		t.Fatal(err)
	}
	var stated int64
	var held, other bool
	err = pool.QueryRow(t.Context(), `SELECT hashtextextended('onboardbot/client/replica-1', 0), `+
		locks.HeldSQL("$1::bigint")+`, `+locks.HeldSQL(locks.KeySQL("$2::text", "client")), key,
		"replica-2").Scan(&stated, &held, &other)
	if err != nil || stated != key || !held || other {
		t.Errorf("key %d, want %d; held %t, another %t, %v", key, stated, held, other, err)
	}
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	site := locks.Named("site", "example.org")
	if err := locks.Tx(t.Context(), tx, site); err != nil {
		t.Fatal(err)
	}
	tryLock(t, session, site, false)
	if err := tx.Rollback(t.Context()); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		t.Fatal(err)
	}
	tryLock(t, session, site, true)
}
