-- +goose Up
-- A press in what the bot did not deliver, of a button that would begin a run, is about none.
ALTER TABLE events ALTER COLUMN run_id DROP NOT NULL;

-- +goose Down
ALTER TABLE events ALTER COLUMN run_id SET NOT NULL;
