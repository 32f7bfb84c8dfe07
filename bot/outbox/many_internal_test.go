package outbox

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

// manyMessages are threads that were delivered, one an hour until now.
const manyMessages = `
INSERT INTO slack_messages (key, channel, channel_id, thread, text, hash, delivered_hash, delivered_at, ts)
	SELECT 'run/' || n || part, 'C024BE91L', 'C024BE91L', CASE WHEN part <> '' THEN 'run/' || n END, 'text',
		'\x01', '\x01', now() - (2000 - n) * interval '1 hour', 1700000000 + n || '.000' || 100 + length(part)
	FROM generate_series(1, 2000) n, unnest(ARRAY['', '/1', '/22', '/333', '/4444', '/55555', '/666666']) part;
ANALYZE slack_messages`

// messagesRead is how many messages this session has read lately.
const messagesRead = `SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables
	WHERE relname = 'slack_messages'`

// What is about one thread, one person or the last days reads nothing of the other messages.
func TestFewOfManyMessagesAreRead(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	tables := migrate.Schema{Name: "public", Sets: []migrate.Set{Migrations()}}
	if err := tables.Apply(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), manyMessages, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	for name, statement := range map[string]struct {
		sql  string
		args []any
		want int64
	}{
		"places":   {selectPlaces, []any{48 * time.Hour, 10, time.Now().Add(time.Hour)}, 1 + 10},
		"thread":   {selectCompared, []any{[]string{"run/5", "run/7"}, "C024BE91L", "run/5"}, 7 + 1},
		"keys":     {selectCompared, []any{[]string{"run/5", "run/7"}, "C024BE91L", ""}, 2},
		"a person": {selectDM, []any{"U024BE7LH"}, 1},
	} {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			var before, after int64
			if err := tx.QueryRow(t.Context(), messagesRead).Scan(&before); err != nil {
				return err
			}
			found, err := tx.Exec(t.Context(), statement.sql, statement.args...)
			if err != nil {
				return err
			}
			err = tx.QueryRow(t.Context(), messagesRead).Scan(&after)
			if found.RowsAffected() != statement.want || after-before > 1500 {
				t.Errorf("%s: %d were found, for which %d rows were read", name, found.RowsAffected(), after-before)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
