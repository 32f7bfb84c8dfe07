package platform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/claims"
)

// Identity is whose session it is: ids, either of which may be empty.
type Identity struct{ User, Org string }

// Session is a transaction of the application that never commits. It is not safe for concurrent
// use.
type Session struct {
	tx     pgx.Tx
	config Config
}

// errOver ends every session's transaction.
var errOver = errors.New("rolled back")

// Try runs f in a session and rolls back what it did.
func (db *DB) Try(ctx context.Context, f func(*Session) error) error {
	err := pgx.BeginFunc(ctx, db.app, func(tx pgx.Tx) error {
		if db.app == db.pool || db.config.LoginRole != "" {
			if _, err := tx.Exec(ctx, "SET LOCAL ROLE "+pgx.Identifier{db.config.AppRole}.Sanitize()); err != nil {
				return fmt.Errorf("role %s: %w", db.config.AppRole, err)
			}
		}
		if err := f(&Session{tx: tx, config: db.config}); err != nil {
			return err
		}
		return errOver
	})
	if errors.Is(err, errOver) {
		return nil
	}
	return fmt.Errorf("platform: session of the application: %w", err)
}

// As makes the session that of somebody else from here on.
func (s *Session) As(ctx context.Context, who Identity) error {
	names, values := s.config.Settings.identity(who)
	if _, err := s.tx.Exec(ctx, assume, names, values); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

const assume = `SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS settings (name, value)`

// identity are the settings of an identity, and their values.
func (s Settings) identity(who Identity) (names, values []string) {
	names, values = []string{s.User, s.Org}, []string{who.User, who.Org}
	for name, template := range s.Templates {
		names, values = append(names, name), append(values, claims.Fill(template, who.User, who.Org))
	}
	return names, values
}

// Row is a row that was inserted, as the database says it landed.
type Row struct {
	Kind RowKind
	ID   string
	User string
	Org  string // empty for a Person's own
}

// Insert adds a row of a kind for the identity. One that is refused leaves the session usable.
func (s *Session) Insert(ctx context.Context, kind RowKind, who Identity) (Row, error) {
	columns, values := []string{column(kind.User)}, []any{who.User}
	if who.Org != "" {
		columns, values = append(columns, column(kind.Org)), append(values, who.Org)
	}
	for _, name := range slices.Sorted(maps.Keys(kind.Values)) {
		columns, values = append(columns, column(name)), append(values, kind.Values[name])
	}
	places := make([]string, len(values))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	row := Row{Kind: kind}
	query := fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s) RETURNING %s::text, %s::text, coalesce(%s::text, '')`,
		table(kind.Table), strings.Join(columns, ", "), strings.Join(places, ", "),
		column(kind.ID), column(kind.User), column(kind.Org))
	err := pgx.BeginFunc(ctx, s.tx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, query, values...).Scan(&row.ID, &row.User, &row.Org)
	})
	return row, err
}

// CountVisible returns how many of the rows each identity sees, in their order. It is one round
// trip for all, and leaves the session with the last identity.
func (s *Session) CountVisible(ctx context.Context, rows []Row, identities ...Identity) ([]int, error) {
	batch := &pgx.Batch{}
	for _, who := range identities {
		names, values := s.config.Settings.identity(who)
		batch.Queue(assume, names, values)
		for _, row := range rows {
			query := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table(row.Kind.Table), column(row.Kind.ID))
			batch.Queue(query, row.ID)
		}
	}
	results := s.tx.SendBatch(ctx, batch)
	seen := make([]int, len(identities))
	for i := range identities {
		if _, err := results.Exec(); err != nil {
			return nil, errors.Join(err, results.Close())
		}
		for range rows {
			var count int
			if err := results.QueryRow().Scan(&count); err != nil {
				return nil, errors.Join(err, results.Close())
			}
			seen[i] += count
		}
	}
	return seen, results.Close()
}

// CountOthers returns how many rows of the kind the session sees that are of other tenants, asked
// for directly by whose they are. Rows that another tenant wrote for the session's Org belong to
// the Org.
func (s *Session) CountOthers(ctx context.Context, kind RowKind, who Identity, others []string) (int, error) {
	query := fmt.Sprintf("SELECT count(*) FROM %[1]s WHERE %[2]s = $1 AND (%[3]s IS NULL OR %[3]s::text <> $2)",
		table(kind.Table), column(kind.User), column(kind.Org))
	batch := &pgx.Batch{}
	sum := 0
	for _, other := range others {
		batch.Queue(query, other, who.Org).QueryRow(func(row pgx.Row) error {
			var count int
			err := row.Scan(&count)
			sum += count
			return err
		})
	}
	return sum, s.tx.SendBatch(ctx, batch).Close()
}

// Older returns how many rows of the kind that carry the Person's id the session sees from before
// a time.
func (s *Session) Older(ctx context.Context, kind RowKind, user string, than time.Time) (int, error) {
	query := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1 AND %s < $2",
		table(kind.Table), column(kind.User), column(kind.CreatedAt))
	var count int
	err := s.tx.QueryRow(ctx, query, user, than).Scan(&count)
	return count, err
}

// Switcher returns whom the context switcher lists for an Org.
func (s *Session) Switcher(ctx context.Context, org string) ([]string, error) {
	rows, err := s.tx.Query(ctx, s.config.Switcher, org)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values := row.RawValues()
		if len(values) == 0 {
			return "", errors.New("the switcher's query returns no column")
		}
		var text string
		targets := make([]any, len(values))
		targets[0] = &text
		return text, row.Scan(targets...)
	})
}

// Rows are the kinds of rows that belong to tenants.
func (db *DB) Rows() []RowKind { return db.config.Rows }
