package liveness_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/liveness"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

func TestOthersSeeWhetherAReplicaIsAlive(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	replica := liveness.New(pool, slog.New(slog.DiscardHandler))
	other := liveness.New(pool, slog.New(slog.DiscardHandler))
	if replica.ID() == other.ID() {
		t.Fatalf("two replicas are %s", replica.ID())
	}
	alive := func(want bool) {
		t.Helper()
		var byID, byKey bool
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			query := `SELECT ` + liveness.AliveSQL(liveness.KeySQL("$1")) + `, ` + liveness.AliveSQL("$2")
			err := pool.QueryRow(t.Context(), query, replica.ID(), replica.Key()).Scan(&byID, &byKey)
			if err != nil {
				t.Fatal(err)
			}
			if byID == want && byKey == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("alive by id %t, by key %t, want %t", byID, byKey, want)
			}
		}
	}
	alive(false)
	if err := replica.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	alive(true)
	// Releases that run side by side during an upgrade see each other by this key.
	var key int64
	err = pool.QueryRow(t.Context(), `SELECT hashtextextended('onboardbot/client/' || $1, 0)`, replica.ID()).Scan(&key)
	if err != nil || key != replica.Key() {
		t.Errorf("the key is %d, want %d, %v", replica.Key(), key, err)
	}
	// Its connection breaks, and it makes another.
	// pg_locks has the locks of the other tests' databases too.
	const kill = `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database
		WHERE locktype = 'advisory' AND datname = current_database()`
	if _, err := pool.Exec(t.Context(), kill); err != nil {
		t.Fatal(err)
	}
	alive(true)
	replica.Leave()
	alive(false)
}

// connect returns a pool whose connections are configured by a function.
func connect(t *testing.T, dsn string, configure func(*pgx.ConnConfig)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	configure(config.ConnConfig)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// A replica that gives no sign of life loses all of its connections, with their locks and
// transactions. The others keep theirs, and so does whoever is no replica.
func TestALapsedReplicaLosesItsConnections(t *testing.T) {
	t.Parallel()
	dsn := postgres.Database(t)
	replica := func() *pgxpool.Pool {
		t.Helper()
		pool := connect(t, dsn, liveness.Configure)
		alive := liveness.New(pool, slog.New(slog.DiscardHandler))
		if err := alive.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(alive.Leave)
		return pool
	}
	punctual := replica()
	lapsed, other := replica(), connect(t, dsn, func(*pgx.ConnConfig) {})
	begin := func(pool *pgxpool.Pool) pgx.Tx {
		t.Helper()
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
		return tx
	}
	frozen, bystander := begin(lapsed), begin(other)
	const lease = 500 * time.Millisecond
	time.Sleep(lease + 10*time.Millisecond)
	healthy := begin(punctual)
	ended, err := liveness.EndLapsed(t.Context(), punctual, lease)
	if err != nil || len(ended) != 1 {
		t.Fatalf("ended %v, %v, want one replica", ended, err)
	}
	if _, err := frozen.Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("a lapsed replica keeps its transaction")
	}
	for _, tx := range []pgx.Tx{bystander, healthy} {
		if _, err := tx.Exec(t.Context(), `SELECT 1`); err != nil {
			t.Errorf("another session was ended: %v", err)
		}
	}
	// A replica never ends its own connections. The other has connected again and may lapse again:
	// it shows that it is alive less often than this lease wants.
	time.Sleep(lease)
	ended, err = liveness.EndLapsed(t.Context(), punctual, lease)
	isOwn := func(token string) bool { return strings.HasSuffix(name(punctual), token) }
	if err != nil || slices.ContainsFunc(ended, isOwn) {
		t.Errorf("%s ended %v, %v", name(punctual), ended, err)
	}
	if _, err := healthy.Exec(t.Context(), `SELECT 1`); err != nil {
		t.Errorf("a replica ended its own connection: %v", err)
	}
}

// sign returns a connection such as the one with which the replica of a pool shows that it is
// alive.
func sign(t *testing.T, pool *pgxpool.Pool) *pgx.Conn {
	t.Helper()
	config := pool.Config().ConnConfig.Copy()
	config.RuntimeParams["application_name"] += " alive"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// A replica that has lost the connection with its lock does not wait until the server notices.
func TestAReplicaDoesNotWaitForItself(t *testing.T) {
	t.Parallel()
	pool := connect(t, postgres.Database(t), liveness.Configure)
	replica := liveness.New(pool, slog.New(slog.DiscardHandler))
	_, err := sign(t, pool).Exec(t.Context(), `SELECT pg_advisory_lock(`+liveness.KeySQL("$1")+`)`, replica.ID())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), liveness.Lease)
	defer cancel()
	if err := replica.Join(ctx); err != nil {
		t.Fatal(err)
	}
	replica.Leave()
}

// A replica lost the connection that shows that it is alive, the server has not noticed, and the
// replica has made another. It is alive until that one is not used either.
func TestARecentSignOfLifeCounts(t *testing.T) {
	t.Parallel()
	dsn := postgres.Database(t)
	replica, other := connect(t, dsn, liveness.Configure), connect(t, dsn, liveness.Configure)
	if err := other.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	const margin = 2 * time.Second
	first := sign(t, replica)
	time.Sleep(margin + 10*time.Millisecond)
	between := time.Now()
	recent := sign(t, replica)
	// Only the first connection was last used longer ago than this lease.
	ended, err := liveness.EndLapsed(t.Context(), other, time.Since(between)+margin)
	if err != nil || len(ended) > 0 {
		t.Errorf("ended %v, %v, want none", ended, err)
	}
	for _, conn := range []*pgx.Conn{first, recent} {
		if _, err := conn.Exec(t.Context(), `SELECT 1`); err != nil {
			t.Errorf("a connection of a replica that is alive was ended: %v", err)
		}
	}
	time.Sleep(20 * time.Millisecond)
	if ended, err = liveness.EndLapsed(t.Context(), other, 10*time.Millisecond); err != nil || len(ended) != 1 {
		t.Errorf("ended %v, %v, want one replica", ended, err)
	}
}

// name is that of a replica's connections.
func name(pool *pgxpool.Pool) string {
	return pool.Config().ConnConfig.RuntimeParams["application_name"]
}
