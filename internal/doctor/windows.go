package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// nextPeriods is how many occurrences of a window are shown.
const nextPeriods = 3

// checkWindows shows the next times of each window and of each recurring freeze. A window that
// does not open again holds its changes for ever.
func checkWindows(calendar windows.Calendar, now time.Time) []onboarding.Finding {
	var findings []onboarding.Finding
	closed := calendar.Closed(now)
	for i, window := range calendar.Windows {
		name := fmt.Sprintf("window %d%s", i+1, about(window))
		next := upcoming(window, now)
		switch {
		case next == "":
			findings = append(findings, onboarding.Failing(name,
				"Correct onboarding.windows: what it covers waits for ever.", "does not open again"))
		case slices.Contains(closed, i):
			findings = append(findings, onboarding.Failing(name,
				"Correct onboarding.freezes: what it covers waits for ever.", "closed by a freeze each time"))
		default:
			findings = append(findings, onboarding.Passed(name, "%s", next))
		}
	}
	for i, freeze := range calendar.Freezes {
		name := fmt.Sprintf("freeze %d%s", i+1, about(freeze))
		if next := upcoming(freeze, now); next != "" {
			findings = append(findings, onboarding.Passed(name, "%s", next))
			continue
		}
		findings = append(findings,
			onboarding.Doubtful(name, "Remove it from onboarding.freezes.", "does not come again"))
	}
	return findings
}

// about says which changes a window covers, empty for all.
func about(window windows.Window) string {
	var parts []string
	if len(window.Kinds) > 0 {
		parts = append(parts, strings.Join(window.Kinds, ", "))
	}
	if len(window.Hosts) > 0 {
		parts = append(parts, "on "+strings.Join(window.Hosts, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, " ") + ")"
}

// upcoming lists the next occurrences of a window, a line each, empty if there is none.
func upcoming(window windows.Window, now time.Time) string {
	var lines []string
	for period := range window.Periods(now) {
		lines = append(lines, period.Begin.Format("Mon 2006-01-02 15:04")+" to "+
			period.End.Format("Mon 2006-01-02 15:04 ")+period.End.Location().String())
		if len(lines) == nextPeriods {
			break
		}
	}
	return strings.Join(lines, "\n")
}
