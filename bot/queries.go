package bot

import "github.com/atlilith/onboardbot/internal/liveness"

// The statements on slack_envelopes, the table of the deduplicator. outbox.Migrations creates it.
var (
	// beginEnvelope claims the envelope $1 for the replica $2, unless it is done or a living
	// replica began it.
	beginEnvelope = `
		INSERT INTO slack_envelopes AS e (key, owner) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, begun_at = now()
			WHERE e.done_at IS NULL AND (e.owner = excluded.owner OR NOT ` + liveness.AliveSQL("e.owner") + `)`

	// selectAck is the acknowledgement that was stored for the envelope $1.
	selectAck = `SELECT ack FROM slack_envelopes WHERE key = $1 AND done_at IS NOT NULL`

	// finishEnvelope records the acknowledgement $2 of the envelope $1, which the replica $3
	// began.
	finishEnvelope = `UPDATE slack_envelopes SET done_at = now(), ack = $2 WHERE key = $1 AND owner = $3`

	// selectReadOnly reports whether the database is a standby or refuses writes.
	selectReadOnly = `SELECT current_setting('transaction_read_only')::boolean`

	// expireEnvelopes deletes what was begun longer ago than $1.
	expireEnvelopes = `DELETE FROM slack_envelopes WHERE begun_at < now() - $1::interval`
)
