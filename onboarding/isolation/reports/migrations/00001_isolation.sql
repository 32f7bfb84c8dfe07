-- +goose Up
-- what every isolation report said
CREATE TABLE isolation_reports (
    id       uuid PRIMARY KEY,
    -- the one that it is about, empty for all
    tenant   text NOT NULL,
    -- who asked for it and where, empty for a scheduled one, which has a tick instead
    asked_by text NOT NULL,
    channel  text NOT NULL,
    tick     timestamptz,
    at       timestamptz NOT NULL,
    -- null where nothing could be said, and then the problem says why
    report   jsonb,
    problem  text NOT NULL,
    -- the findings that hold as far as is known: those of the report, and earlier ones that it could not look at again
    standing jsonb NOT NULL
);
CREATE INDEX isolation_reports_newest ON isolation_reports (tenant, at DESC);

-- the newest tick of the schedule that a report was put for
CREATE TABLE isolation_schedule (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    tick timestamptz NOT NULL
);

-- +goose Down
DROP TABLE isolation_schedule, isolation_reports;
