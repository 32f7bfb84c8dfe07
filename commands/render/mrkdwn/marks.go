package mrkdwn

// The marks at the head of a line. A run's own mark tells its state from across the room.
const (
	MarkLive      = "🟢"
	MarkTrouble   = "🔴"
	MarkAsking    = "🟡"
	MarkWorking   = "🔵"
	MarkCancelled = "⚪"

	MarkDone    = "✅"
	MarkFailed  = "❌"
	MarkWarning = "⚠️"
	MarkAsk     = "✋"
	MarkBusy    = "⏳"
	MarkPending = "▫️"
	MarkClock   = "⏰"
	MarkFrozen  = "🧊"
	MarkAlarm   = "🚨"
)
