-- +goose Up
-- the newest tick of the schedule that a digest was enqueued for
CREATE TABLE certificates_schedule (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    tick timestamptz NOT NULL
);

-- +goose Down
DROP TABLE certificates_schedule;
