package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot/webapi"
	"github.com/atlilith/onboardbot/internal/liveness"
	"github.com/atlilith/onboardbot/internal/routine"
)

// Bot listens to Slack. It holds the connections and hands what people do to the router's
// handlers, once each. While it cannot remember that, it leaves Slack to other replicas.
type Bot struct {
	workspace    *Workspace
	connections  *connections
	dispatcher   *dispatcher
	deduplicator *deduplicator
	memory       *memory
}

// New wires a bot to a workspace and a database that outbox.Migrations has prepared. It makes no
// call. The router must be complete, and the replica must have joined before the bot runs.
func New(
	pool *pgxpool.Pool, workspace *Workspace, router *Router, replica *liveness.Replica,
) *Bot {
	deduplicator := newDeduplicator(pool, replica, workspace.log)
	memory := newMemory(pool, workspace.log)
	dispatcher := newDispatcher(workspace, router, deduplicator, memory)
	return &Bot{
		workspace:    workspace,
		connections:  newConnections(workspace, memory, dispatcher.receive),
		dispatcher:   dispatcher,
		deduplicator: deduplicator,
		memory:       memory,
	}
}

// Run listens until ctx ends, then lets handlers under way finish and acknowledge within
// Config.DrainTimeout. It returns nil after an orderly end, and an error that wraps
// [webapi.ErrRevoked] as soon as Slack refuses the tokens or the app.
func (b *Bot) Run(ctx context.Context) error {
	router := b.dispatcher.router
	b.workspace.log.Info("slack bot starts", "commands", router.Commands(), "events", router.Events())
	group, listening := routine.WithContext(ctx)
	group.Go(func() error {
		if _, err := b.workspace.Identity(listening); errors.Is(err, webapi.ErrRevoked) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		b.deduplicator.expire(listening, b.workspace.cfg.EnvelopeRetention)
		return nil
	})
	group.Go(func() error {
		b.memory.watch(listening)
		return nil
	})
	group.Go(func() error { return b.connections.run(listening, b.dispatcher.drain) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	return nil
}

// Connected is how many Socket Mode connections are up. One is enough to be heard; fewer than
// Config.Connections for longer than a moment need a look.
func (b *Bot) Connected() int { return int(b.connections.open.Load()) }
