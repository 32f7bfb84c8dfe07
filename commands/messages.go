package commands

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
)

// messenger puts messages into the outbox and finds where Slack shows them.
type messenger struct {
	pool   *pgxpool.Pool
	outbox *outbox.Outbox
}

// send puts messages into the outbox.
func (m *messenger) send(ctx context.Context, messages ...post.Message) error {
	return pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error { return m.outbox.Put(ctx, tx, messages...) })
}

// textFile is a text file for one person. The key makes one that is sent twice arrive once.
type textFile struct {
	key, person string
	name        string // without its extension
	content     string
}

// sendText sends a text file as a direct message.
func (m *messenger) sendText(ctx context.Context, file textFile) error {
	return m.send(ctx, post.Message{Key: file.key, Channel: file.person, Text: blockkit.Escape(file.name),
		File: &post.File{Name: file.name + ".txt", Title: file.name, Content: []byte(file.content)}})
}

// link leads to a run's thread, in parentheses behind a sentence. It is empty while Slack has not
// shown the thread yet.
func (m *messenger) link(ctx context.Context, run *onboarding.Run) string {
	return render.ThreadLink(m.address(ctx, render.RootKey(run.ID)))
}

// address is where Slack shows a message, empty if that is not known yet.
func (m *messenger) address(ctx context.Context, key string) string {
	address, err := m.outbox.Permalink(ctx, key)
	if err != nil {
		return ""
	}
	return address
}
