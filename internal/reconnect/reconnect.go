// Package reconnect begins transactions of a pool whose connections may have broken while nobody
// used them, such as when the server was restarted.
package reconnect

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Pool begins transactions as its pool does. Where a connection turns out to be broken it tries
// another, at most as often as the pool has connections. Nothing happens twice: over a broken one
// only a BEGIN was sent.
type Pool struct{ *pgxpool.Pool }

// Begin begins a transaction.
func (p Pool) Begin(ctx context.Context) (pgx.Tx, error) { return p.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx begins a transaction with options.
func (p Pool) BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error) {
	tx, err := p.Pool.BeginTx(ctx, options)
	for range p.Config().MaxConns {
		if err == nil || ctx.Err() != nil || !Broken(err) {
			break
		}
		tx, err = p.Pool.BeginTx(ctx, options)
	}
	return tx, err
}

// Broken reports whether an error says that a connection is gone, and not what the server thinks
// of a statement. Codes are those of
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func Broken(err error) bool {
	var refused *pgconn.ConnectError
	var answer *pgconn.PgError
	var network net.Error
	switch {
	case errors.As(err, &refused): // there is no connection to break
		return false
	case errors.As(err, &answer):
		return answer.Code == "57P01" || answer.Code == "57P02" // the server ends sessions, or crashed
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case pgconn.SafeToRetry(err), errors.As(err, &network):
		return true
	}
	for _, gone := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}
