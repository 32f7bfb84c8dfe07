package reports

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/locks"
)

// turnName is the lock under which the checks of all replicas take turns. PostgreSQL frees it
// when its holder dies.
var turnName = locks.Named("isolation")

// Turn lets one check through at a time, over all replicas, so many runs and reports take no
// more from the platform than one does.
type Turn struct {
	pool *pgxpool.Pool
	// waiting lets one waiter of this process through, so that waiters take one connection of
	// the database and not one each.
	waiting chan struct{}
}

// NewTurn returns a turn that is kept by a lock in the bot's own database.
func NewTurn(pool *pgxpool.Pool) *Turn { return &Turn{pool: pool, waiting: make(chan struct{}, 1)} }

// try calls do unless another check is in progress, and reports whether it called it.
func (t *Turn) try(ctx context.Context, do func(context.Context) error) (called bool, err error) {
	return locks.Alone(ctx, t.pool, turnName, do)
}

// wait calls do once no other check is in progress. It waits over a connection that does not
// count towards the pool, since its callers hold one of the pool's already.
func (t *Turn) wait(ctx context.Context, do func(context.Context) error) error {
	select {
	case t.waiting <- struct{}{}:
		defer func() { <-t.waiting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	session, err := locks.Dial(ctx, t.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := session.Lock(ctx, turnName); err != nil {
		return err
	}
	return do(ctx)
}
