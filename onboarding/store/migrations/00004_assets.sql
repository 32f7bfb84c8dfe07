-- +goose Up
CREATE TABLE assets (
    digest     text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
    content    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE assets;
