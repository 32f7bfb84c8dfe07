package mrkdwn

// The marks at the beginning of a line.
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
