-- +goose Up

-- Envelopes that were handled once, by event, trigger or envelope id.
CREATE TABLE slack_envelopes (
    key      text PRIMARY KEY,
    -- The replica that began it. It holds an advisory lock of this number for as long as it lives.
    owner    bigint      NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    -- Set, with the acknowledgement that was sent, once it was handled.
    done_at  timestamptz,
    ack      bytea
);

CREATE INDEX slack_envelopes_begun_at ON slack_envelopes (begun_at);

-- Logical messages: what Slack should show, and what it was last told.
CREATE TABLE slack_messages (
    key        text PRIMARY KEY,
    seq        bigint GENERATED ALWAYS AS IDENTITY,
    -- As asked for: a channel or a person. channel_id is the conversation itself, known once something was sent.
    channel    text NOT NULL,
    channel_id text,
    -- The parent, by key or by timestamp. Neither: top level.
    thread     text REFERENCES slack_messages (key),
    thread_ts  text,
    CHECK (thread IS NULL OR thread_ts IS NULL),

    text     text  NOT NULL,
    blocks   bytea,
    fallback bytea,
    file_name    text,
    file_title   text,
    file_content bytea,

    -- The desired content, and the one that Slack has.
    hash           bytea NOT NULL,
    delivered_hash bytea,
    delivered_at   timestamptz,
    ts             text,
    permalink      text,
    file_id        text,

    -- A first post under way, committed before the call: what is found here may or may not have been posted.
    sending_hash  bytea,
    sending_since timestamptz,

    -- The content that Slack refused for good, and why.
    failed_hash bytea,
    failed_at   timestamptz,
    error       text,

    attempts   integer     NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),

    waiting boolean NOT NULL GENERATED ALWAYS AS (
        failed_hash IS DISTINCT FROM hash AND (sending_hash IS NOT NULL OR delivered_hash IS DISTINCT FROM hash)
    ) STORED
);

CREATE INDEX slack_messages_waiting ON slack_messages (channel, seq) WHERE waiting;
CREATE INDEX slack_messages_unposted ON slack_messages (channel, seq) WHERE delivered_hash IS NULL;
CREATE UNIQUE INDEX slack_messages_ts ON slack_messages (channel_id, ts);

-- What Slack asked not to try before a time: a method, a method in a channel, or a kind of block.
CREATE TABLE slack_holds (
    scope text PRIMARY KEY,
    until timestamptz NOT NULL
);

-- +goose Down
DROP TABLE slack_holds;
DROP TABLE slack_messages;
DROP TABLE slack_envelopes;
