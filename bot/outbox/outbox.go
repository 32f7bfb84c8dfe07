package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
	"github.com/atlilith/onboardbot/internal/jobs"
)

// ErrUnknownMessage means that the outbox holds no such message, or that Slack has not got it yet.
var ErrUnknownMessage = errors.New("message not found in the outbox")

// Message is what Slack should show under a key: a message, or a file in a conversation.
type Message struct {
	// Key is the identity of the message, such as run/UUID/root. It travels in the message's metadata, which everyone in the
	// workspace can read: ids only. At most 200 bytes.
	Key string
	// Channel is a channel (C…, G…), a DM (D…), or a person (U…, W…) whose DM is opened.
	Channel string
	// Thread is the key of the parent, which is in the same channel and was put before, or in the same call; empty for top level.
	Thread string
	// ThreadTS is the timestamp of a parent that the outbox did not post. Not both.
	ThreadTS string
	// Text says all of it in plain words, escaped; it is cut to [blockkit.MaxText]. Notifications and screen readers use it.
	Text string
	// Blocks are shown instead of Text where there are any.
	Blocks []slack.Block
	// Fallback is shown where a workspace refuses Blocks with invalid_blocks, as old ones do with plan.
	Fallback []slack.Block
	// Last says that this is meant to stay: it does not wait until [bot.Config.UpdateEvery] has passed since the update before it.
	Last bool
	// File makes this a file instead; Text becomes its description for screen readers, Blocks and Fallback do not go with it.
	File *File
}

// File is content that is too long for a message. It is uploaded once and never replaced.
type File struct {
	// Name is the file's name with its extension, Title what people see.
	Name, Title string
	// Content has at least one byte.
	Content []byte
}

// Outbox holds what Slack should show as rows, and makes Slack show it. The newest state of a message wins: a state that was
// replaced before it left is never sent. First posts of one thread, and of one channel's top level, keep the order in which they
// were put; nothing waits for a file, since Slack decides when it shares one. A message is posted once even if the process dies
// between sending and recording.
type Outbox struct {
	pool      *pgxpool.Pool
	workspace *bot.Workspace
	api       *slack.Client
	jobs      *river.Client[pgx.Tx]
	log       *slog.Logger
	cfg       bot.Config
	delivered *prometheus.CounterVec
	// connections bounds the deliveries at once, each of which keeps a database connection while it waits for Slack.
	connections chan struct{}
	backoffs    backoffs
}

// New needs a database that [Migrations] and River's own migrations have prepared, with their schemas in the pool's search_path.
// Deliveries run where [Outbox.AddWorkers] was called, and use at most half of the pool's connections.
func New(pool *pgxpool.Pool, workspace *bot.Workspace) (*Outbox, error) {
	// A client without queues only inserts, so the one that works the queue can be built later, from workers that need this outbox.
	inserter, err := jobs.Inserter(pool, "", workspace.Log())
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &Outbox{
		pool: pool, workspace: workspace, api: workspace.API(), jobs: inserter, log: workspace.Log(), cfg: workspace.Config(),
		delivered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onboardbot_slack_deliveries_total",
			Help: "Outbox deliveries by kind (post, update, file) and result (succeeded, found, refused, throttled, unsent, unsure).",
		}, []string{"kind", "result"}),
		connections: make(chan struct{}, max(1, pool.Config().MaxConns/2)),
		backoffs:    backoffs{until: map[string]time.Time{}},
	}, nil
}

// Collector counts deliveries, for the program's registry.
func (o *Outbox) Collector() prometheus.Collector { return o.delivered }

// Put makes messages what they should be, in the caller's transaction; Slack hears of it after the commit. A message that is
// already so costs nothing. Channel, thread and file of a key that exists stay as they are.
func (o *Outbox) Put(ctx context.Context, tx pgx.Tx, messages ...Message) error {
	known, err := o.known(ctx, tx, messages)
	if err != nil {
		return fmt.Errorf("put messages: %w", err)
	}
	channels := map[string]bool{}
	for _, m := range messages {
		c, err := m.content()
		if err != nil {
			return fmt.Errorf("put message %q: %w", m.Key, err)
		}
		if bytes.Equal(known[m.Key], c.hash) {
			continue
		}
		channel, err := o.put(ctx, tx, m, c)
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

// known returns the hashes of those messages that are there. A run has its whole thread put at each change of it, most of which is
// as it was: that is found out by one read, since even an update that changes nothing writes the row's lock.
func (o *Outbox) known(ctx context.Context, tx pgx.Tx, messages []Message) (map[string][]byte, error) {
	keys := make([]string, len(messages))
	for i, m := range messages {
		keys[i] = m.Key
	}
	rows, err := tx.Query(ctx, `SELECT key, hash FROM slack_messages WHERE key = ANY($1)`, keys)
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

func (o *Outbox) put(ctx context.Context, tx pgx.Tx, m Message, c content) (channel string, err error) {
	var file File
	if m.File != nil {
		file = *m.File
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO slack_messages AS m
			(key, channel, thread, thread_ts, text, blocks, fallback, file_name, file_title, file_content, hash, last)
		VALUES ($1, $2, nullif($3, ''), nullif($4, ''), $5, $6, $7, nullif($8, ''), nullif($9, ''), $10, $11, $12)
		ON CONFLICT (key) DO UPDATE
			SET text = excluded.text, blocks = excluded.blocks, fallback = excluded.fallback, hash = excluded.hash, last = excluded.last,
				attempts = 0, updated_at = now(), due_at = CASE WHEN excluded.last THEN now() ELSE m.due_at END
			WHERE m.hash <> excluded.hash AND m.file_name IS NULL AND excluded.file_name IS NULL
		RETURNING channel`,
		m.Key, m.Channel, m.Thread, m.ThreadTS, c.text, c.blocks, c.fallback, file.Name, file.Title, file.Content, c.hash, m.Last,
	).Scan(&channel)
	return channel, err
}

func (o *Outbox) enqueue(ctx context.Context, tx pgx.Tx, channels map[string]bool) error {
	if len(channels) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, 0, len(channels))
	for channel := range channels {
		jobs = append(jobs, river.InsertManyParams{Args: deliverArgs{Channel: channel}})
	}
	if _, err := o.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("enqueue delivery: %w", err)
	}
	return nil
}

// content is a message as it is stored.
type content struct {
	text             string
	blocks, fallback []byte
	hash             []byte
}

const maxKey = 200

func (m Message) content() (content, error) {
	switch {
	case m.Key == "" || len(m.Key) > maxKey:
		return content{}, fmt.Errorf("key must have 1 to %d bytes", maxKey)
	case m.Channel == "":
		return content{}, errors.New("channel is empty")
	case m.Thread != "" && m.ThreadTS != "":
		return content{}, errors.New("thread by key and by timestamp")
	case m.File != nil && (m.File.Name == "" || len(m.File.Content) == 0):
		return content{}, errors.New("a file needs a name and content")
	case m.File == nil && m.Text == "":
		return content{}, errors.New("text is empty")
	}
	// PostgreSQL has no NUL in text, and Slack nothing to show for it.
	c := content{text: blockkit.Truncate(strings.ToValidUTF8(strings.ReplaceAll(m.Text, "\x00", ""), "\uFFFD"), blockkit.MaxText)}
	var err error
	if c.blocks, err = encodeBlocks(m.Blocks); err != nil {
		return content{}, err
	}
	if c.fallback, err = encodeBlocks(m.Fallback); err != nil {
		return content{}, err
	}
	sum := sha256.New()
	parts := [][]byte{[]byte(c.text), c.blocks, c.fallback}
	if m.File != nil {
		parts = append(parts, []byte(m.File.Name), []byte(m.File.Title), m.File.Content)
	}
	for _, part := range parts {
		_ = binary.Write(sum, binary.BigEndian, int64(len(part)))
		sum.Write(part)
	}
	c.hash = sum.Sum(nil)
	return c, nil
}

func encodeBlocks(blocks []slack.Block) ([]byte, error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	encoded, err := json.Marshal(blocks)
	if err != nil {
		return nil, fmt.Errorf("encode blocks: %w", err)
	}
	return encoded, nil
}

// Posted is where Slack shows a message.
type Posted struct {
	// Channel is the conversation, which for a message to a person is the DM.
	Channel string
	// TS is the timestamp that names the message in its channel. Empty for a file whose share Slack has not shown.
	TS string
	At time.Time
}

// Posted says where a message is, or fails with [ErrUnknownMessage].
func (o *Outbox) Posted(ctx context.Context, key string) (Posted, error) {
	var p Posted
	err := o.pool.QueryRow(ctx, `
		SELECT channel_id, coalesce(ts, ''), delivered_at FROM slack_messages WHERE key = $1 AND delivered_hash IS NOT NULL`, key,
	).Scan(&p.Channel, &p.TS, &p.At)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknownMessage
	}
	if err != nil {
		return Posted{}, fmt.Errorf("message %q: %w", key, err)
	}
	return p, nil
}

// TS is the timestamp of a message; see [Outbox.Posted].
func (o *Outbox) TS(ctx context.Context, key string) (string, error) {
	p, err := o.Posted(ctx, key)
	return p.TS, err
}

// Lookup says which message is at a place, or fails with [ErrUnknownMessage] for what the outbox did not post.
func (o *Outbox) Lookup(ctx context.Context, channel, ts string) (key string, err error) {
	err = o.pool.QueryRow(ctx, `SELECT key FROM slack_messages WHERE channel_id = $1 AND ts = $2`, channel, ts).Scan(&key)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknownMessage
	}
	if err != nil {
		return "", fmt.Errorf("message at %s in %s: %w", ts, channel, err)
	}
	return key, nil
}

// Permalink is the lasting address of a message. Slack is asked once.
func (o *Outbox) Permalink(ctx context.Context, key string) (string, error) {
	var channel, ts, link string
	err := o.pool.QueryRow(ctx, `
		SELECT channel_id, ts, coalesce(permalink, '') FROM slack_messages WHERE key = $1 AND ts IS NOT NULL`, key,
	).Scan(&channel, &ts, &link)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknownMessage
	}
	if err != nil {
		return "", fmt.Errorf("permalink of %q: %w", key, err)
	}
	if link != "" {
		return link, nil
	}
	err = webapi.RetryBriefly(ctx, true, func() (err error) {
		link, err = o.api.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: channel, Ts: ts})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("permalink of %q: %w", key, err)
	}
	_, err = o.pool.Exec(ctx, `UPDATE slack_messages SET permalink = $2 WHERE key = $1`, key, link)
	if err != nil {
		return "", fmt.Errorf("permalink of %q: %w", key, err)
	}
	return link, nil
}

// Failure is a message that Slack refused for good as it stands.
type Failure struct {
	Key, Channel string
	// Reason is Slack's error.
	Reason string
	At     time.Time
}

// Failures lists the newest hundred messages that Slack refused, for operators and checks. Putting other content tries again.
func (o *Outbox) Failures(ctx context.Context) ([]Failure, error) {
	rows, err := o.pool.Query(ctx, `
		SELECT key, channel, error, failed_at FROM slack_messages WHERE failed_hash = hash ORDER BY failed_at DESC LIMIT 100`)
	if err != nil {
		return nil, fmt.Errorf("failed messages: %w", err)
	}
	failures, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Failure])
	if err != nil {
		return nil, fmt.Errorf("failed messages: %w", err)
	}
	return failures, nil
}
