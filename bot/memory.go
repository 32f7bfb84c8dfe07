package bot

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// memoryEvery is how often a replica asks whether its database takes writes. It first waits
	// for a connection of the pool, and then makes one of its own, which a machine under load may
	// take longer for.
	memoryEvery   = 2 * time.Second
	poolTimeout   = 2 * time.Second
	memoryTimeout = 4 * time.Second
	// memoryRetry is the pause between two questions while the database is away.
	memoryRetry = 250 * time.Millisecond
)

// memory tells whether this replica can remember what it handles. While its database is away or
// takes no writes, the replica must not be connected to Slack, which gives what people do to any
// connection.
type memory struct {
	config *pgx.ConnConfig
	pool   *pgxpool.Pool
	log    *slog.Logger
	// doubts wakes watch after an envelope that could not be remembered.
	doubts chan struct{}

	mu sync.Mutex
	// present ends when the memory is lost, and lose ends it.
	present context.Context
	lose    context.CancelFunc
	// back is closed when the memory is back, nil while it is there.
	back chan struct{}
	// told are the keys of envelopes of which a person was told that they are not remembered.
	told map[string]bool
}

func newMemory(pool *pgxpool.Pool, log *slog.Logger) *memory {
	m := &memory{config: pool.Config().ConnConfig, pool: pool, log: log, doubts: make(chan struct{}, 1),
		told: map[string]bool{}}
	m.present, m.lose = context.WithCancel(context.Background())
	return m
}

// whilePresent returns a context that ends when the memory is lost. It has ended while the memory
// is away.
func (m *memory) whilePresent() context.Context {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.present
}

// await waits until the memory is there. It returns false when ctx ends first.
func (m *memory) await(ctx context.Context) bool {
	m.mu.Lock()
	back := m.back
	m.mu.Unlock()
	if back == nil {
		return ctx.Err() == nil
	}
	select {
	case <-back:
		return true
	case <-ctx.Done():
		return false
	}
}

// noteFailure makes watch ask at once, since an envelope could not be remembered. It reports
// whether the person is to be told, which is once for each key.
func (m *memory) noteFailure(key string) (tell bool) {
	select {
	case m.doubts <- struct{}{}:
	default:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	tell = !m.told[key]
	m.told[key] = true
	return tell
}

// watch asks the database until ctx ends.
func (m *memory) watch(ctx context.Context) {
	ticker := time.NewTicker(memoryEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.doubts:
		case <-ticker.C:
			if m.askPool(ctx) == nil {
				continue
			}
		}
		err := m.ask(ctx)
		if err == nil || ctx.Err() != nil {
			m.forgetTold()
			continue
		}
		m.log.Warn("disconnecting from Slack, since the database takes no writes; other replicas get what people do",
			"error", err)
		m.forget()
		for err != nil {
			if !sleep(ctx, memoryRetry) {
				return
			}
			err = m.ask(ctx)
		}
		m.log.Info("connecting to Slack again, since the database takes writes")
		m.recover()
	}
}

func (m *memory) forgetTold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.told)
}

func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.back = make(chan struct{})
	m.lose()
}

func (m *memory) recover() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.present, m.lose = context.WithCancel(context.Background())
	close(m.back)
	m.back = nil
	clear(m.told)
}

// errReadOnly means that the database is a standby, or refuses writes.
var errReadOnly = errors.New("the database is read-only")

// askPool returns nil if the database takes writes. An error may also mean that all connections of
// the pool are in use, or broken.
func (m *memory) askPool(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, poolTimeout)
	defer cancel()
	return takesWrites(ctx, m.pool)
}

// ask returns nil if the database takes writes. It makes a connection of its own.
func (m *memory) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, memoryTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, m.config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return takesWrites(ctx, conn)
}

// queryer is a pool or a connection.
type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func takesWrites(ctx context.Context, db queryer) error {
	var readOnly bool
	if err := db.QueryRow(ctx, selectReadOnly).Scan(&readOnly); err != nil {
		return err
	}
	if readOnly {
		return errReadOnly
	}
	return nil
}
