package platform

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
)

// maxConnections keeps the bot a small guest of the platform.
const maxConnections = 4

// DB is the platform's database. It is safe for concurrent use.
type DB struct {
	config Config
	quoted tables
	pool   *pgxpool.Pool
	app    *pgxpool.Pool // logs in as the application; the same as pool where the role is taken on
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

func connect(url secret.String, config Config) (*pgxpool.Pool, error) {
	parsed, err := pgxpool.ParseConfig(url.Reveal())
	if err != nil {
		return nil, errors.New("is not a connection string")
	}
	parsed.MaxConns = maxConnections
	parameters := parsed.ConnConfig.RuntimeParams
	parameters["application_name"] = "onboardbot"
	parameters["statement_timeout"] = strconv.FormatInt(config.Timeout.Milliseconds(), 10)
	parameters["lock_timeout"] = parameters["statement_timeout"]
	parsed.ConnConfig.ConnectTimeout = config.Timeout
	return pgxpool.NewWithConfig(context.Background(), parsed)
}

// Close ends all connections.
func (db *DB) Close() {
	db.pool.Close()
	if db.app != db.pool {
		db.app.Close()
	}
}

// Execute carries out a transaction: all statements take effect, each on exactly one row, or none
// does. It returns [ErrWrongServer] if the transaction does not run on the authoritative server.
func (db *DB) Execute(ctx context.Context, transaction onboarding.Transaction) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
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
		return nil
	})
}
