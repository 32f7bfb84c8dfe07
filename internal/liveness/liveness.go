// Package liveness shows replicas of the bot which of them are alive. Each holds an advisory lock
// on a connection of its own, which PostgreSQL frees when the process dies, however it dies. What
// a dead replica left unfinished may be taken over.
//
// A process that is frozen, or whose machine or network is gone without a word, keeps its
// connections. Therefore a replica asks something over that connection every two seconds, and one
// that has not for a [Lease] has lapsed: another ends all of its connections, and with them its
// locks and transactions, see [EndLapsed].
package liveness

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sethvargo/go-retry"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/internal/routine"
)

const (
	// checkEvery is how often a replica asks whether it still holds its lock; a connection that
	// breaks is noticed at once.
	checkEvery = 2 * time.Second
	// checkTimeout is when an answer that does not come counts as a broken connection.
	checkTimeout = 4 * time.Second
	// reconnectEvery is the pause between two attempts to connect.
	reconnectEvery = time.Second
)

// lockKind is the first part of the names of the locks. During an upgrade, replicas of older
// releases look for the locks of River's clients under this name before they take over jobs.
const lockKind = "client"

// Replica is this process as the other replicas see it.
type Replica struct {
	id     string
	config *pgx.ConnConfig
	log    *slog.Logger

	// key is set by Join.
	key   int64
	leave context.CancelFunc
	left  sync.WaitGroup
}

// New returns the replica whose connections a pool makes, see [Configure]. It makes no connection:
// nobody sees the replica before [Replica.Join].
func New(pool *pgxpool.Pool, log *slog.Logger) *Replica {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	config := pool.Config().ConnConfig.Copy()
	unique := token(config)
	if unique == "" {
		unique = rand.Text()
	}
	config.RuntimeParams["application_name"] = namePrefix + unique + aliveSuffix
	return &Replica{id: host + "_" + unique, config: config, log: log, leave: func() {}}
}

// ID names the replica, also as the client of River's jobs.
func (r *Replica) ID() string { return r.id }

// Key is the number of the replica's lock, for tables that note an owner; see [AliveSQL]. It is
// known after Join.
func (r *Replica) Key() int64 { return r.key }

// Join shows that the replica is alive, until [Replica.Leave] or the death of the process. When
// the connection breaks it makes another; until then the others take the replica for dead. ctx
// bounds the first connection only.
func (r *Replica) Join(ctx context.Context) error {
	session, err := r.lock(ctx)
	if err != nil {
		return fmt.Errorf("liveness: %w", err)
	}
	if r.key, err = locks.Key(ctx, session.Conn(), r.name()); err != nil {
		session.Close()
		return fmt.Errorf("liveness: %w", err)
	}
	present, leave := context.WithCancel(context.WithoutCancel(ctx))
	r.leave = leave
	r.left.Go(routine.Contained(func() { r.keep(present, session) }))
	return nil
}

// Leave shows the others that what this replica left unfinished may be taken over.
func (r *Replica) Leave() {
	r.leave()
	r.left.Wait()
}

func (r *Replica) name() locks.Name { return locks.Named(lockKind, r.id) }

// endStale ends the earlier connection of this replica that has its lock, where the server has not
// noticed yet that it is gone. Otherwise the replica would wait for itself until it has lapsed.
const endStale = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
	  AND application_name = current_setting('application_name')`

func (r *Replica) lock(ctx context.Context) (*locks.Session, error) {
	session, err := locks.Dial(ctx, r.config)
	if err != nil {
		return nil, err
	}
	_, err = session.Conn().Exec(ctx, endStale)
	if err == nil {
		err = session.Lock(ctx, r.name())
	}
	if err != nil {
		session.Close()
		return nil, err
	}
	return session, nil
}

// keep holds the lock until ctx ends, on one connection after the other.
func (r *Replica) keep(ctx context.Context, session *locks.Session) {
	for {
		err := r.watch(ctx, session)
		session.Close()
		if ctx.Err() != nil {
			return
		}
		r.log.Warn("lost the connection that shows that this replica is alive", "error", err)
		err = retry.Do(ctx, retry.NewConstant(reconnectEvery), func(ctx context.Context) error {
			session, err = r.lock(ctx)
			return retry.RetryableError(err)
		})
		if err != nil {
			return // ctx has ended
		}
	}
}

// errNotHeld means that the connection is there and the lock is not, as after
// pg_advisory_unlock_all.
var errNotHeld = errors.New("the lock is not held")

// watch returns when the lock is lost or ctx ends.
func (r *Replica) watch(ctx context.Context, session *locks.Session) error {
	for {
		// Nobody notifies: this ends with the time, with ctx or with the connection.
		waiting, cancel := context.WithTimeout(ctx, checkEvery)
		_, err := session.Conn().WaitForNotification(waiting)
		expired := waiting.Err() != nil
		cancel()
		if ctx.Err() != nil || err != nil && !expired {
			return err
		}
		asking, cancel := context.WithTimeout(ctx, checkTimeout)
		held, err := session.Holds(asking, r.name())
		cancel()
		if err != nil {
			return err
		}
		if !held {
			return errNotHeld
		}
	}
}

// AliveSQL is the SQL condition that the replica whose key an SQL expression of type bigint
// returns is alive.
func AliveSQL(key string) string { return locks.HeldSQL(key) }

// KeySQL is the SQL expression of the key of the replica whose id an SQL expression of type text
// returns.
func KeySQL(id string) string { return locks.KeySQL(id, lockKind) }
