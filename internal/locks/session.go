package locks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// releaseTimeout bounds the statement that frees locks. A connection that takes longer is closed,
// which frees them as well.
const releaseTimeout = 5 * time.Second

// Session holds locks on a connection of its own. PostgreSQL frees them when the connection ends.
// Whoever may write only while a lock is held writes over this connection: when it is lost, so is
// the lock, and nothing more can be written over it.
//
// A session is for one goroutine at a time.
type Session struct {
	conn    *pgx.Conn
	release func()
}

// Open takes a connection from the pool. Close gives it back.
func Open(ctx context.Context, pool *pgxpool.Pool) (*Session, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connection for locks: %w", err)
	}
	return &Session{conn: conn.Conn(), release: conn.Release}, nil
}

// Dial makes a connection that does not count towards a pool's. Close closes it.
func Dial(ctx context.Context, config *pgx.ConnConfig) (*Session, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connection for locks: %w", err)
	}
	return &Session{conn: conn, release: func() { closeConn(conn) }}, nil
}

// Conn is the connection that holds the locks.
func (s *Session) Conn() *pgx.Conn { return s.conn }

// Lock waits until the session holds a lock.
func (s *Session) Lock(ctx context.Context, name Name) error {
	if _, err := s.conn.Exec(ctx, `SELECT pg_advisory_lock(`+key+`)`, name.args()...); err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}

// lockNotAvailable is SQLSTATE 55P03 (PostgreSQL, Appendix A): lock_timeout is over.
const lockNotAvailable = "55P03"

// LockWithin waits for a lock no longer than a limit of whole milliseconds, in the order of those
// who wait, and reports whether the session holds it.
func (s *Session) LockWithin(ctx context.Context, name Name, limit time.Duration) (bool, error) {
	err := pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		milliseconds := strconv.FormatInt(limit.Milliseconds(), 10)
		if _, err := tx.Exec(ctx, `SELECT set_config('lock_timeout', $1, true)`, milliseconds); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `SELECT pg_advisory_lock(`+key+`)`, name.args()...)
		return err
	})
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok && failed.Code == lockNotAvailable {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	return true, nil
}

// TryLock takes a lock unless another session holds it, and reports whether it did.
func (s *Session) TryLock(ctx context.Context, name Name) (bool, error) {
	var locked bool
	if err := s.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+key+`)`, name.args()...).Scan(&locked); err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	return locked, nil
}

// Holds asks the server, over the session's own connection, whether the session still holds a
// lock. It fails once the connection is lost.
func (s *Session) Holds(ctx context.Context, name Name) (bool, error) {
	var held bool
	err := s.conn.QueryRow(ctx, `SELECT EXISTS (
		SELECT FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid = pg_backend_pid()
		  AND (classid::bigint << 32 | objid::bigint) = `+key+`)`, name.args()...).Scan(&held)
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	return held, nil
}

// Unlock frees a lock, even when ctx has ended. When it fails it closes the connection, which
// frees all locks of the session.
func (s *Session) Unlock(ctx context.Context, name Name) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if _, err := s.conn.Exec(ctx, `SELECT pg_advisory_unlock(`+key+`)`, name.args()...); err != nil {
		closeConn(s.conn)
		return fmt.Errorf("unlock %s: %w", name, err)
	}
	return nil
}

// Close frees all locks of the session and gives the connection back.
func (s *Session) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	if _, err := s.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`); err != nil {
		closeConn(s.conn)
	}
	s.release()
}

func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}

// Alone runs do while it holds a lock, unless another session holds it, and reports whether it
// ran. The lock takes one connection of the pool.
func Alone(ctx context.Context, pool *pgxpool.Pool, name Name, do func(context.Context) error) (ran bool, err error) {
	session, err := Open(ctx, pool)
	if err != nil {
		return false, err
	}
	defer session.Close()
	if locked, err := session.TryLock(ctx, name); err != nil || !locked {
		return false, err
	}
	return true, do(ctx)
}

// Tx waits until a transaction holds a lock, which it keeps until it ends.
func Tx(ctx context.Context, tx pgx.Tx, name Name) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(`+key+`)`, name.args()...); err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}
