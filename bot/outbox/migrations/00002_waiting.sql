-- +goose Up

-- Messages that Slack has to be told of, each with the time from which it may be sent, and whether it is its turn.
CREATE VIEW slack_waiting AS
SELECT
    m.key, m.seq, m.channel, m.channel_id, m.ts, m.text, m.blocks, m.fallback, m.file_name, m.file_title, m.file_id,
    m.hash, m.sending_hash, m.sending_since, m.attempts, m.updated_at, m.due_at,
    -- The timestamp of the parent message.
    coalesce(p.ts, m.thread_ts) AS parent_ts,
    m.hold,
    greatest(m.due_at, h.until) AS ready_at,
    -- The parent was posted, and of the first posts in a lane (a thread, or the top level of a channel) this is the oldest. Nothing
    -- waits for a file, since Slack decides when it shares one.
    (m.thread IS NULL OR p.ts IS NOT NULL)
        AND (m.delivered_hash IS NOT NULL OR NOT EXISTS (
            SELECT FROM slack_messages e
            WHERE e.channel = m.channel AND e.thread IS NOT DISTINCT FROM m.thread
              AND e.thread_ts IS NOT DISTINCT FROM m.thread_ts
              AND e.seq < m.seq AND e.delivered_hash IS NULL AND e.waiting AND e.file_name IS NULL)) AS in_turn
FROM (
    SELECT *,
        -- The scope of a hold on the next call for the message: the method, and for posts the channel too, since Slack limits posts
        -- for each channel (https://docs.slack.dev/apis/web-api/rate-limits).
        CASE
            WHEN file_name IS NOT NULL THEN 'files'
            WHEN ts IS NULL THEN 'chat.postMessage/' || channel
            ELSE 'chat.update'
        END AS hold
    FROM slack_messages WHERE waiting
) m
LEFT JOIN slack_messages p ON p.key = m.thread
LEFT JOIN slack_holds h ON h.scope = m.hold;

-- +goose Down
DROP VIEW slack_waiting;
