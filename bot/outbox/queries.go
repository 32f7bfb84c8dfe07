package outbox

// The statements on slack_messages and slack_holds; see the folder migrations for the tables and
// for the view slack_waiting.
const (
	// selectHashes are the contents of the messages $1, so those that stay as they are cost
	// nothing.
	selectHashes = `SELECT key, hash FROM slack_messages WHERE key = ANY($1)`

	// insertMessage inserts a message, and returns its channel if there was none with this key. DO UPDATE
	// with one of the two unique indexes fails on the other while somebody else writes the row.
	insertMessage = `
		INSERT INTO slack_messages
			(key, channel, thread, thread_ts, text, blocks, fallback, file_name, file_title, file_content, hash, last)
		VALUES ($1, $2, nullif($3, ''), nullif($4, ''), $5, $6, $7, nullif($8, ''), nullif($9, ''), $10, $11, $12)
		ON CONFLICT DO NOTHING
		RETURNING channel`

	// changeMessage changes the content of a message, and returns its channel when something changed.
	// Channel and thread of a message stay as they are, and so does a file. The column last is true while
	// something urgent waits: this content, or an earlier one that Slack does not show yet.
	changeMessage = `
		UPDATE slack_messages
		SET text = $2, blocks = $3, fallback = $4, hash = $5, attempts = 0, updated_at = now(),
			last = $6 OR last AND delivered_hash IS DISTINCT FROM hash,
			due_at = CASE WHEN $6 THEN now() ELSE due_at END
		WHERE key = $1 AND hash <> $5 AND file_name IS NULL
		RETURNING channel`

	// selectPosted is where Slack shows the messages $1.
	selectPosted = `
		SELECT key, channel_id, coalesce(ts, '') AS ts
		FROM slack_messages WHERE key = ANY($1) AND delivered_hash IS NOT NULL`

	// selectPermalink is where Slack shows message $1, and its address when Slack was asked for it
	// before.
	selectPermalink = `
		SELECT channel_id, ts, coalesce(permalink, '') FROM slack_messages WHERE key = $1 AND ts IS NOT NULL`

	// selectPermalinks are the addresses of the messages $1 that Slack was asked for before.
	selectPermalinks = `SELECT key, permalink FROM slack_messages WHERE key = ANY($1) AND permalink <> ''`

	updatePermalink = `UPDATE slack_messages SET permalink = $2 WHERE key = $1`

	// selectNext is the message that may be sent to channel $1 now, with those of the holds $2 that are
	// in force, whether it is late, and if so, how many others wait for the channel. It is late if it
	// has waited for longer than $3, or than $4 if an attempt failed or a hold ended after it had begun to
	// wait. What is urgent goes first: while Slack throttles updates, questions to people would
	// otherwise wait behind progress.
	selectNext = `
		SELECT w.key, w.channel, coalesce(w.channel_id, '') AS channel_id,
			coalesce(w.parent_ts, '') AS parent_ts, coalesce(w.ts, '') AS ts, w.text, w.blocks, w.fallback,
			coalesce(w.file_name, '') AS file_name, coalesce(w.file_title, '') AS file_title,
			coalesce(w.file_id, '') AS file_id, w.hash, w.sending_hash, w.sending_since, w.attempts, w.hold,
			ARRAY(SELECT scope FROM slack_holds WHERE scope = ANY($2) AND until > now()) AS refused,
			coalesce(m.thread, '') AS thread, m.again, m.unanswered_at, m.sending_shown <> '{}' AS may_show,
			s.since, l.late,
			CASE WHEN l.late THEN
				(SELECT count(*) FROM slack_waiting o WHERE o.channel = w.channel AND o.key <> w.key)
			ELSE 0 END AS behind
		FROM slack_waiting w JOIN slack_messages m ON m.key = w.key
			CROSS JOIN LATERAL (SELECT ` + waitsSince + ` AS since) s
			CROSS JOIN LATERAL (SELECT s.since < now() - CASE
				WHEN w.attempts > 0 OR EXISTS (SELECT FROM slack_holds h WHERE h.scope = w.hold AND h.until > s.since)
				THEN $4::interval ELSE $3::interval END AS late) l
		WHERE w.channel = $1 AND w.in_turn AND w.ready_at <= now()
		ORDER BY m.last DESC, w.seq LIMIT 1`

	// waitsSince is since when message m waits: a first post since it was put for the first time.
	waitsSince = `CASE WHEN m.ts IS NULL THEN m.created_at ELSE m.updated_at END`

	// selectBacklog are the messages whose key begins with $1 and that are held back: their number, the
	// age of the oldest in seconds, and in how many seconds the next attempt is made that may let it
	// through. A message is held back if Slack asked not to send it yet, if an attempt failed, or if it
	// has waited for $2. The clock is read for the next attempt, since rows may be newer than now().
	selectBacklog = `
		WITH held AS (
			SELECT w.channel, w.hold, now() - ` + waitsSince + ` AS age
			FROM slack_waiting w JOIN slack_messages m ON m.key = w.key
			WHERE starts_with(w.key, $1) AND (w.attempts > 0 OR w.ready_at > greatest(w.due_at, now())
				OR ` + waitsSince + ` < now() - $2::interval)),
		oldest AS (SELECT * FROM held ORDER BY age DESC LIMIT 1)
		SELECT (SELECT count(*) FROM held), extract(epoch FROM o.age)::float8,
			coalesce((SELECT extract(epoch FROM min(ready_at) - clock_timestamp())::float8 FROM slack_waiting w
				WHERE w.channel = o.channel AND w.hold = o.hold AND w.in_turn), 0)
		FROM oldest o`

	// selectReady reports whether a message may be sent to channel $1 now.
	selectReady = `SELECT EXISTS (SELECT FROM slack_waiting WHERE channel = $1 AND in_turn AND ready_at <= now())`

	// selectPause is the number of seconds until the time for which the next message to channel $1
	// waits, NULL when none waits for a time.
	selectPause = `
		SELECT extract(epoch FROM min(ready_at) - now())::float8
		FROM slack_waiting WHERE channel = $1 AND ready_at > now()`

	// selectOverdue are the channels with a message that could have been sent $1 ago.
	selectOverdue = `
		SELECT DISTINCT channel FROM slack_waiting
		WHERE in_turn AND ready_at <= now() AND greatest(due_at, updated_at) < now() - $1::interval`

	// selectDM is the conversation with person $1, as an earlier message found it.
	selectDM = `SELECT coalesce(max(channel_id), '') FROM slack_messages WHERE channel = $1 AND ts IS NOT NULL`

	selectFileContent = `SELECT file_content FROM slack_messages WHERE key = $1`

	// startPost records that the first post of message $1 is about to go out. The start of the
	// oldest attempt stays, since a search for the message begins there. The message will show what has
	// fingerprint $4.
	startPost = `
		UPDATE slack_messages SET sending_hash = $2, sending_since = coalesce(sending_since, now()), channel_id = $3,
			sending_shown = array_remove((array_prepend($4, array_remove(sending_shown, $4)))[1:32], NULL)
		WHERE key = $1`

	// startForm records that message $1 will show what has fingerprint $2, if Slack takes the next call.
	startForm = `
		UPDATE slack_messages SET sending_shown = (array_prepend($2, array_remove(sending_shown, $2)))[1:32]
		WHERE key = $1`

	// startShare records that the upload $3 of message $1 is about to be shared.
	startShare = `
		UPDATE slack_messages SET sending_hash = hash, sending_since = now(), channel_id = $2, file_id = $3
		WHERE key = $1`

	// postponeShare makes message $1 wait until Slack should show the file.
	postponeShare = `UPDATE slack_messages SET due_at = now() + $2::interval WHERE key = $1`

	// selectShown is the message at timestamp $2 of conversation $1, and what Slack shows of it: NULL
	// if a replica of an earlier release delivered it. Then comes what Slack showed before, and what it may
	// show since a process died or lost the answer. The last column says whether an update is to be
	// delivered, whose answer may tell.
	selectShown = `
		SELECT key, CASE WHEN shown_at = delivered_at THEN shown_hash END, shown_earlier, sending_shown, waiting
		FROM slack_messages WHERE channel_id = $1 AND ts = $2`

	// selectBlocks are what message $1 should show now.
	selectBlocks = `SELECT blocks FROM slack_messages WHERE key = $1`

	// selectPosting reports whether a message is being posted in conversation $1 whose timestamp is not
	// known, and what such messages may show.
	selectPosting = `
		SELECT EXISTS (SELECT FROM slack_messages
			WHERE channel_id = $1 AND ts IS NULL AND sending_since IS NOT NULL AND failed_hash IS NULL),
			ARRAY(SELECT unnest(sending_shown) FROM slack_messages WHERE channel_id = $1 AND ts IS NULL)`

	// restoreMessages makes the messages $1 wait for an update with the content that they have.
	restoreMessages = `
		UPDATE slack_messages
		SET delivered_hash = '', due_at = now(), updated_at = now(),
			failed_hash = NULL, failed_at = NULL, failed_code = NULL
		WHERE key = ANY($1) AND ts IS NOT NULL AND file_name IS NULL
		RETURNING channel`

	// recordDelivery records that Slack shows content $2 of message $1, with fingerprint $6. What it showed
	// or may have shown counts as shown earlier. When newer content was put meanwhile, the message goes on
	// waiting: for $5, unless the newer content is urgent.
	recordDelivery = `
		UPDATE slack_messages
		SET delivered_hash = $2, delivered_at = now(), ts = nullif($3, ''), channel_id = $4,
			shown_earlier =
				(array_remove(array_remove(sending_shown || shown_hash, NULL), $6) || shown_earlier)[1:32],
			shown_hash = $6, shown_at = now(), sending_shown = '{}',
			due_at = now() + CASE WHEN last AND hash <> $2 THEN '0' ELSE $5::interval END,
			sending_hash = NULL, sending_since = NULL, unanswered_at = NULL,
			failed_hash = NULL, failed_at = NULL, failed_code = NULL, error = NULL,
			attempts = 0, file_content = NULL
		WHERE key = $1`

	// recordRefusal records that Slack refused content $2 of message $1. With $5 no attempt is
	// under way any more.
	recordRefusal = `
		UPDATE slack_messages
		SET failed_hash = $2, failed_at = now(), failed_code = $3, error = $4,
			sending_hash = CASE WHEN $5 THEN NULL ELSE sending_hash END,
			sending_since = CASE WHEN $5 THEN NULL ELSE sending_since END,
			sending_shown = CASE WHEN $5 THEN '{}' ELSE sending_shown END
		WHERE key = $1`

	// recordFailure records an attempt to send message $1 that is repeated after $3. With $4 no
	// attempt is under way any more. With $5 a post got no answer in time.
	recordFailure = `
		UPDATE slack_messages
		SET attempts = attempts + 1, error = $2, due_at = now() + $3::interval,
			sending_hash = CASE WHEN $4 THEN NULL ELSE sending_hash END,
			sending_since = CASE WHEN $4 THEN NULL ELSE sending_since END,
			sending_shown = CASE WHEN $4 THEN '{}' ELSE sending_shown END,
			unanswered_at = CASE WHEN $5 THEN now() ELSE unanswered_at END
		WHERE key = $1`

	// forgetPosted makes message $1 be posted anew, since Slack does not show it at $2 any more.
	forgetPosted = `
		UPDATE slack_messages
		SET ts = NULL, permalink = NULL, again = true, delivered_hash = NULL, delivered_at = NULL,
			shown_hash = NULL, shown_at = NULL, sending_hash = NULL, sending_since = NULL, sending_shown = '{}',
			failed_hash = NULL, failed_at = NULL, failed_code = NULL, attempts = 0, due_at = now()
		WHERE key = $1 AND ts = $2`

	// adoptMessage records that Slack shows message $1 in conversation $2 at $3, in whatever state.
	adoptMessage = `
		UPDATE slack_messages
		SET ts = $3, channel_id = $2, permalink = NULL, delivered_hash = '', delivered_at = now(),
			shown_hash = NULL, shown_at = NULL, sending_hash = NULL, sending_since = NULL
		WHERE key = $1 AND file_name IS NULL`

	// selectThread are the thread with root $1 and, if the root was posted within a day, the top level of
	// its conversation from shortly before: a copy of the root would be there.
	selectThread = `
		WITH root AS (
			SELECT key, channel_id, ts, to_timestamp(ts::float8) AS posted FROM slack_messages
			WHERE key = $1 AND ts IS NOT NULL AND channel_id IS NOT NULL)
		SELECT channel_id, key AS root, ts AS root_ts, posted AS since FROM root
		UNION ALL
		SELECT channel_id, '', '', posted - interval '5 minutes' FROM root WHERE posted > now() - interval '1 day'`

	// selectPlaces are the conversations, and the $2 newest threads, in which something was delivered
	// in the last $1 and before $3. At the top level, only what came since a day before the newest
	// delivery counts.
	selectPlaces = `
		WITH lately AS (
			SELECT channel_id, thread, delivered_at FROM slack_messages
			WHERE ts IS NOT NULL AND channel_id IS NOT NULL AND file_name IS NULL AND delivered_at < $3
				AND delivered_at > now() - $1::interval)
		(SELECT channel_id, '' AS root, '' AS root_ts, max(delivered_at) - interval '1 day' AS since
			FROM lately GROUP BY channel_id ORDER BY max(delivered_at) DESC LIMIT $2)
		UNION ALL
		(SELECT p.channel_id, p.key, p.ts, p.delivered_at
			FROM slack_messages p JOIN (SELECT thread, max(delivered_at) AS newest FROM lately
				WHERE thread IS NOT NULL GROUP BY thread ORDER BY newest DESC LIMIT $2) c ON c.thread = p.key
			WHERE p.ts IS NOT NULL AND p.channel_id IS NOT NULL AND p.file_name IS NULL AND p.delivered_at < $3
			ORDER BY c.newest DESC)`

	// selectCompared are the messages with one of the keys $1, and those in the thread with root $3 of
	// conversation $2.
	selectCompared = `
		SELECT key, coalesce(ts, '') AS ts, CASE WHEN shown_at = delivered_at THEN shown_hash END AS shown,
			sending_hash IS NOT NULL OR file_name IS NOT NULL OR coalesce(delivered_hash = '', false) AS busy
		FROM slack_messages
		WHERE key = ANY($1) OR channel_id = $2 AND (key = nullif($3, '') OR thread = nullif($3, ''))`

	// selectCopied is the root of the thread of the message in conversation $1 that shows or showed what
	// has fingerprint $2.
	selectCopied = `
		SELECT coalesce(thread, key) FROM slack_messages
		WHERE channel_id = $1 AND (shown_hash = $2 OR $2 = ANY(shown_earlier)) LIMIT 1`

	// holdScope keeps calls of scope $1 from being made for $2.
	holdScope = `
		INSERT INTO slack_holds AS h (scope, until) VALUES ($1, now() + $2::interval)
		ON CONFLICT (scope) DO UPDATE SET until = greatest(h.until, excluded.until)`

	// announceView records that view $1 will show what has fingerprint $2, if Slack takes the next call.
	announceView = `
		INSERT INTO slack_views AS v (view_id, sending) VALUES ($1, $2)
		ON CONFLICT (view_id) DO UPDATE
		SET shown_earlier = CASE WHEN v.sending <> excluded.sending
				THEN (array_prepend(v.sending, v.shown_earlier))[1:32] ELSE v.shown_earlier END,
			sending = excluded.sending, shown_at = now()`

	// recordView records fingerprint $2 of view $1.
	recordView = `
		INSERT INTO slack_views AS v (view_id, shown) VALUES ($1, $2)
		ON CONFLICT (view_id) DO UPDATE
		SET shown_earlier = CASE WHEN v.shown <> excluded.shown
				THEN (array_prepend(v.shown, v.shown_earlier))[1:32] ELSE v.shown_earlier END,
			shown = excluded.shown, sending = nullif(v.sending, excluded.shown), shown_at = now()`

	// selectView is what is known of view $1, and whether view $2 was to show what has fingerprint $3.
	selectView = `
		SELECT v.shown, v.shown_earlier, v.sending,
			EXISTS (SELECT FROM slack_views o WHERE o.view_id = $2 AND o.sending = $3)
		FROM (SELECT) one LEFT JOIN slack_views v ON v.view_id = $1`

	// selectQuestion reports whether view $1 is the question $2, or was.
	selectQuestion = `SELECT EXISTS (SELECT FROM slack_views
		WHERE view_id = $1 AND (shown = $2 OR $2 = ANY (shown_earlier)))`

	// expireViews forgets views that were shown $1 ago.
	expireViews = `DELETE FROM slack_views WHERE shown_at < now() - $1::interval`

	expireHolds = `DELETE FROM slack_holds WHERE until < now()`

	// reviveRefused makes messages wait again that Slack refused before $2 with one of the codes $1.
	reviveRefused = `
		UPDATE slack_messages SET failed_hash = NULL, failed_at = NULL, failed_code = NULL
		WHERE failed_hash = hash AND failed_code = ANY($1) AND failed_at < $2`

	// reviveThread makes messages of the thread with root $2 wait again that Slack refused with one of
	// the codes $1.
	reviveThread = `
		UPDATE slack_messages SET failed_hash = NULL, failed_at = NULL, failed_code = NULL, due_at = now()
		WHERE (key = $2 OR thread = $2) AND failed_hash = hash AND failed_code = ANY($1)
		RETURNING channel`

	// selectUnreachable are the roots of threads in channels of which Slack refused a message with one of
	// the codes $1.
	selectUnreachable = `
		SELECT coalesce(thread, key), max(failed_code) FROM slack_messages
		WHERE failed_hash = hash AND failed_code = ANY($1) AND left(channel, 1) NOT IN ('D', 'U', 'W')
		GROUP BY 1 LIMIT 100`

	// redirectMessages moves messages whose key begins with $1 to the top level of channel $2,
	// when none was posted and Slack refused them or their parents with one of the codes $3.
	redirectMessages = `
		UPDATE slack_messages m
		SET channel = $2, channel_id = NULL, thread = NULL, thread_ts = NULL,
			failed_hash = NULL, failed_at = NULL, failed_code = NULL, attempts = 0, due_at = now(), updated_at = now()
		WHERE starts_with(m.key, $1)
			AND (m.channel <> $2 OR m.thread IS NOT NULL OR m.thread_ts IS NOT NULL)
			AND m.ts IS NULL AND m.delivered_hash IS NULL AND m.sending_hash IS NULL
			AND NOT EXISTS (SELECT FROM slack_messages c WHERE c.thread = m.key)
			AND (m.failed_hash = m.hash AND m.failed_code = ANY($3)
				OR EXISTS (
					SELECT FROM slack_messages p
					WHERE p.key = m.thread AND p.ts IS NULL AND p.failed_hash = p.hash AND p.failed_code = ANY($3)))`
)
