package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/windows"
)

func TestCheckWindows(t *testing.T) {
	t.Parallel()
	report := Report{Findings: checkWindows(windows.Calendar{
		Windows: []windows.Window{
			{Kinds: []string{"certificate"}, Hosts: []string{"vps-0"}, Rule: "FREQ=WEEKLY;BYDAY=SA;BYHOUR=2",
				Duration: 3 * time.Hour, TimeZone: "Europe/Berlin"},
			{Rule: "FREQ=DAILY;UNTIL=20261101", Duration: time.Hour},
			{Kinds: []string{"deploy"}, Rule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=16", Duration: time.Hour},
		},
		Freezes: []windows.Window{
			{Kinds: []string{"deploy"}, Rule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=15", Duration: 9 * time.Hour},
			{Rule: "FREQ=YEARLY;COUNT=1;BYMONTH=12;BYMONTHDAY=24", Duration: 72 * time.Hour},
		},
	}, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	const want = `LEVEL    WHAT                               SEEN
ok       window 1 (certificate on vps-0)    Sat 2026-11-21 02:00 to Sat 2026-11-21 05:00 Europe/Berlin
                                            Sat 2026-11-28 02:00 to Sat 2026-11-28 05:00 Europe/Berlin
                                            Sat 2026-12-05 02:00 to Sat 2026-12-05 05:00 Europe/Berlin
FAILED   window 2                           does not open again
                                            → Correct onboarding.windows: what it covers waits for ever.
FAILED   window 3 (deploy)                  closed by a freeze each time
                                            → Correct onboarding.freezes: what it covers waits for ever.
ok       freeze 1 (deploy)                  Fri 2026-11-20 15:00 to Sat 2026-11-21 00:00 UTC
                                            Fri 2026-11-27 15:00 to Sat 2026-11-28 00:00 UTC
                                            Fri 2026-12-04 15:00 to Sat 2026-12-05 00:00 UTC
warning  freeze 2                           does not come again
                                            → Remove it from onboarding.freezes.

2 ok, 1 with a warning, 2 failed, in 0.0 s
`
	squeezed := func(text string) string {
		var lines []string
		for line := range strings.Lines(text) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		return strings.Join(lines, "\n")
	}
	if got := text.String(); squeezed(got) != squeezed(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
