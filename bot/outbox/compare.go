package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// What Slack shows and what the database knows differ after the database was restored to an earlier
// time, when a post arrived after it was given up, and when somebody deletes or changes a message. A
// comparison puts that right: a message that is not known is marked, one that was posted twice is
// deleted once, and one that is missing or shows something else is delivered again.

const (
	compareTimeout = 5 * time.Minute
	// The comparison at the start looks at what earlier processes delivered: the newest threads of the
	// last week, and what is new at the top level of the conversations in which they are.
	compareWithin = 7 * 24 * time.Hour
	maxThreads    = 20
	// maxOrphans is how many unknown messages of one place are marked at once.
	maxOrphans = 50
)

// compareArgs is the job that compares one thread, by the key of its root, or with an empty key all
// that are recent.
type compareArgs struct {
	Root string `json:"root"`
	// Before is when the process began that compares all: what was delivered since is known.
	Before time.Time `json:"before"`
}

func (compareArgs) Kind() string { return "slack_compare" }

// InsertOpts makes no job unique: a database that was restored holds jobs that nobody runs any more.
func (compareArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: 3}
}

type compareWorker struct {
	river.WorkerDefaults[compareArgs]
	outbox *Outbox
}

func (*compareWorker) Timeout(*river.Job[compareArgs]) time.Duration { return compareTimeout }

func (w *compareWorker) Work(ctx context.Context, job *river.Job[compareArgs]) error {
	err := comparison{w.outbox}.compare(ctx, job.Args)
	if outcome, pause := webapi.Classify(err); outcome == webapi.Throttled {
		return river.JobSnooze(pause)
	}
	return err
}

// Compare inserts a job that puts right what Slack shows of the thread whose root has this key. An
// empty key stands for all recent threads in which an earlier process delivered something.
func (o *Outbox) Compare(ctx context.Context, root string) error { return o.compareAfter(ctx, root, 0) }

func (o *Outbox) compareAfter(ctx context.Context, root string, pause time.Duration) error {
	opts := compareArgs{}.InsertOpts()
	if pause > 0 {
		opts.ScheduledAt = time.Now().Add(pause)
	}
	if _, err := o.jobs.Insert(ctx, compareArgs{Root: root, Before: o.made}, &opts); err != nil {
		return fmt.Errorf("compare with slack: %w", err)
	}
	return nil
}

// place is a thread, or the top level of a conversation if it has no root.
type place struct {
	Channel string `db:"channel_id"`
	Root    string
	RootTS  string `db:"root_ts"`
	// Since is when the newest message that is known was delivered, for the top level.
	Since time.Time
}

// comparison compares Slack with the database.
type comparison struct{ outbox *Outbox }

func (c comparison) compare(ctx context.Context, what compareArgs) error {
	if err := c.revive(ctx, what.Root); err != nil {
		return err
	}
	query, args := selectThread, []any{what.Root}
	if what.Root == "" {
		query, args = selectPlaces, []any{compareWithin, maxThreads, what.Before}
	}
	rows, err := c.outbox.pool.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("compare with slack: %w", err)
	}
	places, err := pgx.CollectRows(rows, pgx.RowToStructByName[place])
	if err != nil {
		return fmt.Errorf("compare with slack: %w", err)
	}
	for _, p := range places {
		if err := c.comparePlace(ctx, p); err != nil {
			return fmt.Errorf("compare with slack: conversation %s: %w", p.Channel, err)
		}
	}
	return nil
}

// revive makes messages of a thread wait again that Slack refused for a reason that a person may have
// removed since.
func (c comparison) revive(ctx context.Context, root string) error {
	return pgx.BeginFunc(ctx, c.outbox.pool, func(tx pgx.Tx) error {
		if err := c.outbox.enqueueReturned(ctx, tx, reviveThread, mendable, root); err != nil {
			return fmt.Errorf("revive refused messages: %w", err)
		}
		return nil
	})
}

// comparePlace asks Slack first and the database after: each message has a row before it is posted.
func (c comparison) comparePlace(ctx context.Context, p place) error {
	shown, whole, err := c.shownIn(ctx, p)
	if err != nil {
		return err
	}
	keys := make([]string, len(shown))
	for i, s := range shown {
		keys[i] = s.key
	}
	rows, err := c.outbox.pool.Query(ctx, selectCompared, keys, p.Channel, p.Root)
	if err != nil {
		return err
	}
	known, err := pgx.CollectRows(rows, pgx.RowToStructByName[comparedRow])
	if err != nil {
		return err
	}
	difference := differ(p, shown, known)
	if !whole {
		difference.missing = nil
	}
	return c.settle(ctx, p, difference)
}

// shownMessage is one of the bot's messages as Slack shows it.
type shownMessage struct {
	key, ts     string
	fingerprint []byte
	message     slack.Message
}

// shownIn returns the bot's messages in a place, and whether these are all of a thread.
func (c comparison) shownIn(ctx context.Context, p place) (shown []shownMessage, whole bool, err error) {
	self, err := c.outbox.workspace.Identity(ctx)
	if err != nil {
		return nil, false, err
	}
	calling, captured := webapi.Capture(ctx)
	oldest, cursor := "", ""
	if p.RootTS == "" {
		oldest = strconv.FormatInt(p.Since.Add(-clockSkew).Unix(), 10)
	}
	for range historyPages {
		page, next, err := c.outbox.history(calling, pageOf{p.Channel, p.RootTS, oldest, cursor})
		if webapi.Code(err) == "thread_not_found" {
			return shown, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		var body struct{ Messages []json.RawMessage }
		if err := json.Unmarshal(captured.Body, &body); err != nil || len(body.Messages) != len(page) {
			return nil, false, errors.Join(errUnreadable, err)
		}
		for i, message := range page {
			if key, ok := keyOf(message, self); ok {
				shown = append(shown, shownMessage{key, message.Timestamp,
					blockkit.Fingerprint(body.Messages[i]), message})
			}
		}
		if next == "" {
			return shown, p.RootTS != "", nil
		}
		cursor = next
	}
	return shown, false, nil
}

// errUnreadable means that Slack's answer is not what its documentation says.
var errUnreadable = errors.New("slack's answer cannot be read")

// comparedRow is what the database knows of a message.
type comparedRow struct {
	Key, TS string
	// Shown is the fingerprint of what was delivered, nil if that is not known.
	Shown []byte
	// Busy is true while a delivery may be under way.
	Busy bool
}

// difference is what Slack shows otherwise than the database knows.
type difference struct {
	// orphans have no row.
	orphans []shownMessage
	// twins are copies of a message that is recorded.
	twins []shownMessage
	// adopted have a row that does not know them.
	adopted []shownMessage
	// changed and missing are keys of messages that show something else, or that Slack does not show.
	changed, missing []string
}

func differ(p place, shown []shownMessage, known []comparedRow) (d difference) {
	rows := map[string]comparedRow{}
	for _, row := range known {
		rows[row.Key] = row
	}
	seen := map[string]bool{}
	for _, s := range shown {
		seen[s.ts] = true
	}
	adopted := map[string]bool{}
	for _, s := range shown {
		row, ok := rows[s.key]
		switch {
		case !ok:
			d.orphans = append(d.orphans, s)
		case row.Busy:
		case row.TS == s.ts:
			if blockkit.SameVersion(s.fingerprint, row.Shown) && !bytes.Equal(s.fingerprint, row.Shown) {
				d.changed = append(d.changed, s.key)
			}
		case !adopted[s.key] && (row.TS == "" || p.RootTS != "" && !seen[row.TS]):
			adopted[s.key] = true
			d.adopted = append(d.adopted, s)
		default:
			d.twins = append(d.twins, s)
		}
	}
	for _, row := range known {
		if row.TS != "" && !seen[row.TS] && !row.Busy && !adopted[row.Key] {
			d.missing = append(d.missing, row.Key)
		}
	}
	return d
}

// settle puts differences right. What was changed or may be missing is updated: Slack refuses that
// for a message which is not there, and the delivery posts it anew.
func (c comparison) settle(ctx context.Context, p place, d difference) error {
	if n := len(d.orphans) + len(d.twins) + len(d.adopted) + len(d.changed) + len(d.missing); n > 0 {
		c.outbox.log.WarnContext(ctx, "slack shows other messages than the database knows", "channel", p.Channel,
			"thread", p.Root, "unknown", len(d.orphans), "twice", len(d.twins), "unrecorded", len(d.adopted),
			"changed", len(d.changed), "missing", len(d.missing))
	}
	for _, twin := range d.twins {
		if err := c.deleteTwin(ctx, p.Channel, twin); err != nil {
			return err
		}
	}
	for _, orphan := range d.orphans[:min(len(d.orphans), maxOrphans)] {
		if err := c.markOrphan(ctx, p, orphan); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, c.outbox.pool, func(tx pgx.Tx) error {
		var keys []string
		for _, s := range d.adopted {
			if _, err := tx.Exec(ctx, adoptMessage, s.key, p.Channel, s.ts); err != nil {
				return err
			}
			keys = append(keys, s.key)
		}
		keys = slices.Concat(keys, d.changed, d.missing)
		if len(keys) == 0 {
			return nil
		}
		return c.outbox.Restore(ctx, tx, keys...)
	})
}
