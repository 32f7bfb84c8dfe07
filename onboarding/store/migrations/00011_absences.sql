-- +goose Up
-- Who is away, and who gets their direct messages and mentions meanwhile.
CREATE TABLE absences (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operator text NOT NULL,
    cover    text NOT NULL CHECK (cover <> operator),
    from_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    until_at timestamptz NOT NULL
);
CREATE INDEX absences_by_end ON absences (until_at);

-- +goose Down
DROP TABLE absences;
