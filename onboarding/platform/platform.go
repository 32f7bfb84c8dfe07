package platform

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/reconnect"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
)

// maxConnections keeps the bot a small guest of the platform.
const maxConnections = 4

// DB is the platform's database. It is safe for concurrent use.
type DB struct {
	config Config
	quoted tables
	pool   reconnect.Pool
	app    reconnect.Pool // logs in as the application; the same as pool where the role is taken on
}

var _ onboarding.Platform = (*DB)(nil)

// New returns the database of a configuration. It connects when it is asked for the first time.
func New(config Config) (*DB, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("platform: %w", err)
	}
	db := &DB{config: config, quoted: quote(config)}
	var err error
	if db.pool, err = connect(config.DatabaseURL, config); err != nil {
		return nil, fmt.Errorf("platform: database_url: %w", err)
	}
	db.app = db.pool
	if !config.AppDatabaseURL.IsZero() {
		if db.app, err = connect(config.AppDatabaseURL, config); err != nil {
			db.pool.Close()
			return nil, fmt.Errorf("platform: app_database_url: %w", err)
		}
	}
	return db, nil
}

func connect(url secret.String, config Config) (reconnect.Pool, error) {
	parsed, err := pgxpool.ParseConfig(url.Reveal())
	if err != nil {
		return reconnect.Pool{}, errors.New("is not a connection string")
	}
	parsed.MaxConns = maxConnections
	parameters := parsed.ConnConfig.RuntimeParams
	parameters["application_name"] = "onboardbot"
	parameters["statement_timeout"] = strconv.FormatInt(config.Timeout.Milliseconds(), 10)
	parameters["lock_timeout"] = parameters["statement_timeout"]
	parsed.ConnConfig.ConnectTimeout = config.Timeout
	pool, err := pgxpool.NewWithConfig(context.Background(), parsed)
	return reconnect.Pool{Pool: pool}, err
}

// Close ends all connections.
func (db *DB) Close() {
	db.pool.Close()
	if db.app != db.pool {
		db.app.Close()
	}
}

// Owner is in whose name a transaction is carried out.
type Owner struct {
	Run uuid.UUID
	// Confirm returns an error if another process has taken over the run. It may be nil.
	Confirm func(context.Context) error
}

// Execute carries out a transaction: all statements take effect, each on exactly one row, or none
// does. It returns [ErrWrongServer] if the transaction does not run on the authoritative server.
//
// Transactions of one run come one after the other, and the owner is confirmed between the last
// statement and the commit. One whose owner is frozen there ends by itself after maxIdle. So once
// a later owner has called [DB.Settle], nothing of an earlier one is committed any more.
func (db *DB) Execute(ctx context.Context, transaction onboarding.Transaction, owner Owner) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := alone(ctx, tx, owner.Run); err != nil {
			return err
		}
		if err := db.confirm(ctx, tx); err != nil {
			return err
		}
		for i, statement := range transaction.Statements {
			args := make([]any, len(statement.Args))
			for n, arg := range statement.Args {
				args[n] = arg
			}
			tag, err := tx.Exec(ctx, statement.SQL, args...)
			if err != nil {
				return fmt.Errorf("platform: statement %d: %w", i+1, err)
			}
			if tag.RowsAffected() != 1 {
				return fmt.Errorf("platform: statement %d would affect %d rows instead of one: nothing was changed",
					i+1, tag.RowsAffected())
			}
		}
		if owner.Confirm == nil {
			return nil
		}
		return owner.Confirm(ctx)
	})
}

// Settle waits until no transaction of a run is open.
func (db *DB) Settle(ctx context.Context, run uuid.UUID) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error { return alone(ctx, tx, run) })
}

// maxIdle is how long a transaction that writes may wait for its owner, in milliseconds. The
// server then ends its session
// (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT).
const maxIdle = "5000"

// alone makes a transaction the only one of its run, by an advisory lock of the platform's
// database.
func alone(ctx context.Context, tx pgx.Tx, run uuid.UUID) error {
	_, err := tx.Exec(ctx, `SELECT set_config('idle_in_transaction_session_timeout', $1, true),
		pg_advisory_xact_lock(hashtextextended('onboardbot/run/' || $2::text, 0))`, maxIdle, run.String())
	if err != nil {
		return fmt.Errorf("platform: waiting for another transaction of the run: %w", err)
	}
	return nil
}
