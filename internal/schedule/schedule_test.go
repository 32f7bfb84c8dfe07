package schedule_test

import (
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/schedule"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cron, zone, want string }{
		{"0 7 * * *", "Europe/Lisbon", ""},
		{"*/5 * * * * *", "", ""},
		{"@daily", "", ""},
		{"never", "", ""},
		{"", "", ""},
		{"7 o'clock", "",
			`cron: "7 o'clock" is no schedule such as "0 7 * * *": expected 5 to 6 fields, found 2: [7 o'clock]`},
		{"0 25 * * *", "",
			`cron: "0 25 * * *" is no schedule such as "0 7 * * *": end of range (25) above maximum (23): 25`},
		{"@every 5m", "",
			`cron: "@every 5m" is no schedule such as "0 7 * * *": it has to say when, and not only how often`},
		{"CRON_TZ=UTC", "", `cron: "CRON_TZ=UTC" is no schedule such as "0 7 * * *": the zone is the key time_zone`},
		{"0 0 31 2 *", "", `cron: "0 0 31 2 *" never comes; write never if that is meant`},
		{"0 7 * * *", "Lisbon", `time_zone: "Lisbon" is not a time zone such as Europe/Lisbon`},
		{"never", "Lisbon", `time_zone: "Lisbon" is not a time zone such as Europe/Lisbon`},
	} {
		got := ""
		if err := (schedule.Schedule{Cron: c.cron, TimeZone: c.zone}).Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.cron, c.zone, got, c.want)
		}
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, cron, zone, after, until, newest, next string }{
		{"none missed", "0 7 * * *", "", "2026-11-23T07:00:00Z", "2026-11-24T06:59:59Z", "", "2026-11-24T07:00:00Z"},
		{"on the tick", "0 7 * * *", "", "2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z", "2026-11-24T07:00:00Z",
			"2026-11-25T07:00:00Z"},
		{"the newest of a week", "0 7 * * *", "", "2026-11-16T07:00:00Z", "2026-11-23T08:30:00Z",
			"2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z"},
		{"the newest of many", "* * * * * *", "", "1990-01-01T00:00:00Z", "2026-11-23T08:30:00Z",
			"2026-11-23T08:30:00Z", "2026-11-23T08:30:01Z"},
		{"rare and long ago", "0 0 29 2 *", "", "2020-01-01T00:00:00Z", "2026-11-23T08:30:00Z", "2024-02-29T00:00:00Z",
			"2028-02-29T00:00:00Z"},
		{"winter there", "0 7 * * *", "Europe/Berlin", "2026-11-22T12:00:00Z", "2026-11-23T12:00:00Z",
			"2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z"},
		{"summer there", "0 7 * * *", "Europe/Berlin", "2026-07-22T12:00:00Z", "2026-07-23T12:00:00Z",
			"2026-07-23T05:00:00Z", "2026-07-24T05:00:00Z"},
		{"skipped in spring", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", "",
			"2026-03-30T00:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ticks, err := schedule.Schedule{Cron: c.cron, TimeZone: c.zone}.Ticks()
			if err != nil {
				t.Fatal(err)
			}
			at := func(text string) time.Time {
				parsed, err := time.Parse(time.RFC3339, text)
				if err != nil {
					t.Fatal(err)
				}
				return parsed
			}
			got := ""
			if newest := ticks.Newest(at(c.after), at(c.until)); !newest.IsZero() {
				got = newest.UTC().Format(time.RFC3339)
			}
			if next := ticks.Next(at(c.until)).UTC().Format(time.RFC3339); got != c.newest || next != c.next {
				t.Errorf("newest %q, next %q", got, next)
			}
		})
	}
}
