package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/jobs"
)

// Outbox holds what Slack should show as rows, and makes Slack show it. The newest state of a
// message wins: a state that was replaced before it left is never sent. First posts of one thread,
// and of one channel's top level, keep the order in which they were put; nothing waits for a file,
// since Slack decides when it shares one. A message is posted once even if the process dies
// between sending and recording.
type Outbox struct {
	pool      *pgxpool.Pool
	workspace *bot.Workspace
	api       *slack.Client
	jobs      *river.Client[pgx.Tx]
	log       *slog.Logger
	// deliveries counts attempts by kind and result.
	deliveries *prometheus.CounterVec
	// running bounds the deliveries at once, each of which keeps a database connection while it
	// waits for Slack.
	running  chan struct{}
	backoffs *backoffs
	made     time.Time
	// aside are the messages that could not be stored.
	aside keySet
}

// New needs a database that [Migrations] and River's own migrations have prepared; the pool's
// search_path is the schema of both. Deliveries run where [Outbox.AddWorkers] was called, and use
// at most half of the pool's connections.
func New(pool *pgxpool.Pool, workspace *bot.Workspace) (*Outbox, error) {
	// A client without queues only inserts, so the one that works the queue can be built later,
	// from workers that need this outbox.
	inserter, err := jobs.Inserter(pool, workspace.Log())
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &Outbox{
		pool:      pool,
		workspace: workspace,
		api:       workspace.API(),
		jobs:      inserter,
		log:       workspace.Log(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onboardbot_slack_deliveries_total",
			Help: "Outbox deliveries by kind (post, update, file, twin, orphan) and result " +
				"(succeeded, found, refused, throttled, unsent, unsure, set_aside).",
		}, []string{"kind", "result"}),
		running:  make(chan struct{}, max(1, pool.Config().MaxConns/2)),
		backoffs: newBackoffs(),
		made:     time.Now(),
	}, nil
}

// Collector counts deliveries, for the program's registry.
func (o *Outbox) Collector() prometheus.Collector { return o.deliveries }

// Put makes messages what they should be, in the caller's transaction; Slack hears of it after the
// commit. A message that is already so costs nothing. Channel, thread and file of a key that
// exists stay as they are.
func (o *Outbox) Put(ctx context.Context, tx pgx.Tx, messages ...post.Message) error {
	known, err := hashes(ctx, tx, messages)
	if err != nil {
		return fmt.Errorf("put messages: %w", err)
	}
	channels := map[string]bool{}
	for _, m := range messages {
		c, err := contentOf(m)
		if err != nil {
			return fmt.Errorf("put message %q: %w", m.Key, err)
		}
		hash, exists := known[m.Key]
		if bytes.Equal(hash, c.hash) {
			continue
		}
		var channel string
		if !exists {
			channel, err = insert(ctx, tx, m, c)
		}
		if exists || errors.Is(err, pgx.ErrNoRows) { // perhaps somebody else has just inserted it
			channel, err = change(ctx, tx, m, c)
		}
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("put message %q: %w", m.Key, err)
		}
		channels[channel] = true
	}
	return o.enqueue(ctx, tx, channels)
}

// hashes returns the contents of those messages that exist. Each change of a run puts its whole
// thread, most of which stays as it is. One read finds that out; even an update that changes
// nothing would write the row's lock.
func hashes(ctx context.Context, tx pgx.Tx, messages []post.Message) (map[string][]byte, error) {
	keys := make([]string, len(messages))
	for i, m := range messages {
		keys[i] = m.Key
	}
	rows, err := tx.Query(ctx, selectHashes, keys)
	if err != nil {
		return nil, err
	}
	known := map[string][]byte{}
	var key string
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &hash}, func() error {
		known[key] = hash
		return nil
	})
	return known, err
}

// insert adds a message and returns its channel, or [pgx.ErrNoRows] if there is one with its key.
func insert(ctx context.Context, tx pgx.Tx, m post.Message, c content) (channel string, err error) {
	var file post.File
	if m.File != nil {
		file = *m.File
	}
	err = tx.QueryRow(ctx, insertMessage, m.Key, m.Channel, m.Thread, m.ThreadTS, c.text, c.blocks, c.fallback,
		storable(file.Name), storable(file.Title), file.Content, c.hash, m.Urgent).Scan(&channel)
	return channel, err
}

// change gives a message that exists another content and returns its channel, or [pgx.ErrNoRows] if it has
// that content already. A message with a file never changes.
func change(ctx context.Context, tx pgx.Tx, m post.Message, c content) (channel string, err error) {
	if m.File != nil {
		return "", pgx.ErrNoRows
	}
	err = tx.QueryRow(ctx, changeMessage, m.Key, c.text, c.blocks, c.fallback, c.hash, m.Urgent).Scan(&channel)
	return channel, err
}

// enqueueReturned makes jobs deliver to the channels that a statement returns, after the commit.
func (o *Outbox) enqueueReturned(ctx context.Context, tx pgx.Tx, statement string, args ...any) error {
	rows, err := tx.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	returned, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	channels := map[string]bool{}
	for _, channel := range returned {
		channels[channel] = true
	}
	return o.enqueue(ctx, tx, channels)
}

// enqueue makes jobs deliver to channels after the commit.
func (o *Outbox) enqueue(ctx context.Context, tx pgx.Tx, channels map[string]bool) error {
	if len(channels) == 0 {
		return nil
	}
	deliveries := make([]river.InsertManyParams, 0, len(channels))
	for channel := range channels {
		deliveries = append(deliveries, river.InsertManyParams{Args: deliverArgs{Channel: channel}})
	}
	if _, err := o.jobs.InsertManyTx(ctx, tx, deliveries); err != nil {
		return fmt.Errorf("enqueue delivery: %w", err)
	}
	return nil
}
