package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/routine"
)

// resultSetAside is, in metrics, a message that can never be stored or recorded. It does not keep
// others from leaving.
const resultSetAside = "set_aside"

// rowFault returns a short code for a failure that is about one message and happens again each time:
// the database refuses its values, or it makes the code panic. It returns "" for any other
// failure.
//
// The classes of SQLSTATE are 22 (data exception), 23 (integrity constraint violation) and 54 (program
// limit exceeded), https://www.postgresql.org/docs/current/errcodes-appendix.html.
func rowFault(failure error) string {
	if refused, ok := errors.AsType[*pgconn.PgError](failure); ok && len(refused.Code) == 5 &&
		slices.Contains([]string{"22", "23", "54"}, refused.Code[:2]) {
		return "sqlstate_" + refused.Code
	}
	if _, ok := errors.AsType[*routine.PanicError](failure); ok {
		return "panic"
	}
	return ""
}

// setAside takes a message out of its channel's way after a failure that is about this message alone.
// It is tried again when other content is put under its key. Any other failure is returned.
func (d *delivery) setAside(ctx context.Context, m row, failure error) error {
	code := rowFault(failure)
	if code == "" || ctx.Err() != nil {
		return failure
	}
	d.count(m.kind(), resultSetAside)
	d.outbox.log.Warn("a message is set aside, since it can never be recorded; the channel goes on",
		"message", m.Key, "channel", m.Channel, "kind", m.kind(), "code", code, "error", failure)
	ctx, cancel := recording(ctx)
	defer cancel()
	// What may have been posted stays under way: with other content, Slack is asked for it first.
	if err := d.exec(ctx, recordRefusal, m.Key, m.Hash, code, storableError(failure), false); err != nil {
		return errors.Join(failure, err)
	}
	return nil
}

// maxRemembered bounds how many keys of messages a process remembers that could not be stored.
const maxRemembered = 1000

// keySet remembers keys of messages. A message is rendered again at each change of its run.
type keySet struct {
	mu   sync.Mutex
	keys map[string]bool
}

// add reports whether a key is new. It forgets all keys once there are too many.
func (s *keySet) add(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] {
		return false
	}
	if s.keys == nil || len(s.keys) >= maxRemembered {
		s.keys = map[string]bool{}
	}
	s.keys[key] = true
	return true
}

// PutStorable is [Outbox.Put], but leaves out a message that can never be stored. That is counted, and
// logged once by each process; the others are put.
func (o *Outbox) PutStorable(ctx context.Context, tx pgx.Tx, messages ...post.Message) error {
	err := o.putInSavepoint(ctx, tx, messages...)
	if !unstorable(err) {
		return err
	}
	for _, m := range messages {
		err := o.putInSavepoint(ctx, tx, m)
		if unstorable(err) {
			o.count(postAttempt, resultSetAside)
			if o.aside.add(m.Key) {
				o.log.WarnContext(ctx, "a message is set aside, since it can never be stored",
					"message", m.Key, "channel", m.Channel, "code", cmp.Or(rowFault(err), "invalid"), "error", err)
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putInSavepoint puts messages so that a failure leaves the transaction usable.
func (o *Outbox) putInSavepoint(ctx context.Context, tx pgx.Tx, messages ...post.Message) error {
	return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return o.Put(ctx, tx, messages...) })
}

// errInvalid means that a message is not what [post.Message] says.
var errInvalid = errors.New("invalid message")

// unstorable reports whether the same message can never be put.
func unstorable(err error) bool { return errors.Is(err, errInvalid) || rowFault(err) != "" }

// maxError is the longest error that is kept with a message, in characters.
const maxError = 1000

// storable returns text without what PostgreSQL does not store in a text: NUL and invalid UTF-8.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

// storableError is an error as it is kept with a message. Slack's answers are in it.
func storableError(err error) string {
	return blockkit.Truncate(storable(fmt.Sprint(err)), maxError)
}
