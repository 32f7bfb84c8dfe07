package blockkit

import (
	"fmt"
	"strings"
	"time"
)

// User mentions a person by id.
func User(id string) string { return "<@" + Escape(id) + ">" }

// Channel links a channel by id.
func Channel(id string) string { return "<#" + Escape(id) + ">" }

// Group mentions a user group by id.
func Group(id string) string { return "<!subteam^" + Escape(id) + ">" }

// Link is a link with a label; neither can break out of it. The label is escaped here.
func Link(address, label string) string {
	address = strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E").Replace(address)
	return "<" + address + "|" + strings.ReplaceAll(Escape(label), "|", "¦") + ">"
}

// Date shows a time in each reader's own time zone, and in UTC where Slack cannot
// (https://docs.slack.dev/messaging/formatting-message-text#date-formatting).
func Date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04 UTC"))
}

// DateSeconds is [Date] to the second.
func DateSeconds(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", t.Unix(),
		t.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// Clock shows the time of day as [Date] does, for where the day is known.
func Clock(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{time}|%s>", t.Unix(), t.UTC().Format("15:04 UTC"))
}
