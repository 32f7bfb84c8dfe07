-- +goose Up

-- 00001 was edited after it had landed, until 2026-11-26. A database that had applied an older version of it lacks what
-- the later ones have; any other one stays as it is.
ALTER TABLE slack_messages
    ADD COLUMN IF NOT EXISTS last boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS failed_code text;
CREATE INDEX IF NOT EXISTS slack_messages_failed ON slack_messages (failed_at) WHERE failed_hash = hash;

-- A thread is in the channel of its parent. Rows of before are not checked.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint
        WHERE conrelid = 'slack_messages'::regclass AND contype = 'f' AND cardinality(conkey) = 2) THEN
        ALTER TABLE slack_messages
            DROP CONSTRAINT IF EXISTS slack_messages_thread_fkey,
            ADD UNIQUE (key, channel),
            ADD FOREIGN KEY (thread, channel) REFERENCES slack_messages (key, channel) NOT VALID;
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
-- There is nothing to take back: 00001 has all of this.
SELECT 1;
