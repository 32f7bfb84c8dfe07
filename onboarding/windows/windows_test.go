package windows_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/windows"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	found, err := windows.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// zones change their clocks at 00:00, 01:00, 02:00, 03:00 and 24:00, by an hour or by half of one,
// in both hemispheres, or never.
var zones = []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut",
	"Africa/Cairo", "America/Havana", "Europe/London", "Pacific/Chatham", "America/Nuuk", "Asia/Kathmandu", "UTC"}

// TestTenYears goes through each day of ten years in each zone, with windows at the hours at which
// clocks change, and compares with the calendar: each day that the rule names has one window,
// which begins when the clocks show its time, or after they skipped it, and lasts as long as the
// clocks say.
func TestTenYears(t *testing.T) {
	t.Parallel()
	weekend := func(day time.Time) bool { return day.Weekday() == time.Saturday || day.Weekday() == time.Sunday }
	rules := []struct {
		rule     string
		hour     int
		minute   int
		duration time.Duration
		on       func(day time.Time) bool
	}{
		{"FREQ=DAILY;BYHOUR=2;BYMINUTE=30", 2, 30, time.Hour, func(time.Time) bool { return true }},
		{"FREQ=DAILY", 0, 0, 30 * time.Minute, func(time.Time) bool { return true }},
		{"FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=2", 2, 0, 3 * time.Hour, weekend},
		{"FREQ=WEEKLY;BYDAY=SA", 0, 0, 48 * time.Hour,
			func(day time.Time) bool { return day.Weekday() == time.Saturday }},
		{"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=1", 1, 0, time.Hour,
			func(day time.Time) bool { return day.Month() == time.February && day.Day() == 29 }},
		{"FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=1;BYMINUTE=59", 1, 59, 2 * time.Minute,
			func(day time.Time) bool {
				return day.Weekday() == time.Sunday && day.AddDate(0, 0, 7).Month() != day.Month()
			}},
	}
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(10, 0, 0)
	for _, name := range zones {
		in := zone(t, name)
		for _, each := range rules {
			t.Run(name+" "+each.rule, func(t *testing.T) {
				t.Parallel()
				window := windows.Window{Rule: each.rule, Duration: each.duration, TimeZone: name}
				from, _ := windows.At(first, in)
				to, _ := windows.At(last, in)
				var got []windows.Period
				for at := from; ; { // the horizon is shorter than ten years
					before := len(got)
					for period := range window.Periods(at) {
						if len(got) > before+500 || !period.Begin.Before(to) {
							break
						}
						if !period.Begin.Before(from) {
							got, at = append(got, period), period.End.Add(-1).Add(time.Nanosecond)
						}
					}
					if len(got) == before {
						break
					}
				}
				var days []time.Time
				for day := first; day.Before(last); day = day.AddDate(0, 0, 1) {
					if each.on(day) {
						days = append(days, day)
					}
				}
				if len(got) != len(days) {
					t.Fatalf("%d windows, want %d", len(got), len(days))
				}
				for i, day := range days {
					wall := day.Add(time.Duration(each.hour)*time.Hour + time.Duration(each.minute)*time.Minute)
					wantPeriod(t, got[i], wall, each.duration)
				}
				wantOpens(t, window, got, to)
			})
		}
	}
}

const clock = "2006-01-02 15:04"

// wantPeriod compares a period with what the clocks show.
func wantPeriod(t *testing.T, got windows.Period, wall time.Time, duration time.Duration) {
	t.Helper()
	if shown := got.Begin.Format(clock); shown != wall.Format(clock) {
		// Only a time that the clocks skip may be another one: just before, they showed less, and
		// they show more.
		before := got.Begin.Add(-2 * time.Hour).Format(clock)
		if moved, _ := time.Parse(clock, shown); before >= wall.Format(clock) || moved.Sub(wall) > time.Hour ||
			moved.Before(wall) || got.End.Sub(got.Begin) != duration {
			t.Errorf("begins at %s and ends at %s, want %s", got.Begin, got.End, wall.Format(clock))
		}
		return
	}
	for _, back := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
		if earlier := got.Begin.Add(-back); earlier.Format(clock) == wall.Format(clock) {
			t.Errorf("begins at %s, and the clocks showed that before", got.Begin)
		}
	}
	end := wall.Add(duration).Format(clock)
	if shown := got.End.Format(clock); shown != end && got.End.Sub(got.Begin) != duration || !got.End.After(got.Begin) {
		t.Errorf("begins at %s and ends at %s, want %s", got.Begin, got.End, end)
	}
}

// wantOpens compares when a change may be applied with a list of all windows, at their edges and
// at some other times.
func wantOpens(t *testing.T, window windows.Window, periods []windows.Period, to time.Time) {
	t.Helper()
	calendar := windows.Calendar{Windows: []windows.Window{window}}
	random := rand.New(rand.NewPCG(1, 2))
	for i, period := range periods[:len(periods)-1] {
		if len(periods) > 200 && random.IntN(len(periods)/60) != 0 {
			continue
		}
		span := periods[i+1].Begin.Sub(period.Begin)
		for _, at := range []time.Time{period.Begin.Add(-time.Nanosecond), period.Begin,
			period.End.Add(-time.Nanosecond), period.End, period.Begin.Add(time.Duration(random.Int64N(int64(span))))} {
			want := at
			if at.Before(period.Begin) && (i == 0 || !at.Before(periods[i-1].End)) {
				want = period.Begin
			}
			if !at.Before(period.End) && at.Before(periods[i+1].Begin) {
				want = periods[i+1].Begin
			}
			if got, ok := calendar.Opens(windows.Change{}, at); !ok || !got.Equal(want) {
				t.Errorf("at %s opens at %s, want %s", at, got, want)
			}
		}
	}
}

// TestAt compares with what clocks showed on some nights on which they were changed.
func TestAt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wall, zone, want string
		clock            windows.Clock
	}{
		{"2026-03-29 01:59", "Europe/Berlin", "2026-03-29 00:59", windows.Once},
		{"2026-03-29 02:00", "Europe/Berlin", "2026-03-29 01:00", windows.Skipped},
		{"2026-03-29 02:30", "Europe/Berlin", "2026-03-29 01:30", windows.Skipped},
		{"2026-03-29 03:00", "Europe/Berlin", "2026-03-29 01:00", windows.Once},
		{"2026-10-25 01:59", "Europe/Berlin", "2026-10-24 23:59", windows.Once},
		{"2026-10-25 02:00", "Europe/Berlin", "2026-10-25 00:00", windows.Twice},
		{"2026-10-25 02:30", "Europe/Berlin", "2026-10-25 00:30", windows.Twice},
		{"2026-10-25 03:00", "Europe/Berlin", "2026-10-25 02:00", windows.Once},
		{"2007-03-11 02:30", "America/New_York", "2007-03-11 07:30", windows.Skipped}, // the example of RFC 5545
		{"2007-11-04 01:30", "America/New_York", "2007-11-04 05:30", windows.Twice},
		{"2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-03 15:45", windows.Skipped},
		{"2026-04-05 01:45", "Australia/Lord_Howe", "2026-04-04 14:45", windows.Twice},
		{"2011-12-30 12:00", "Pacific/Apia", "2011-12-30 22:00", windows.Skipped}, // the day that Samoa left out
	} {
		wall, err := time.Parse(clock, test.wall)
		if err != nil {
			t.Fatal(err)
		}
		got, shown := windows.At(wall, zone(t, test.zone))
		if text := got.UTC().Format(clock); text != test.want || shown != test.clock {
			t.Errorf("%s in %s: %s UTC, %s, want %s, %s", test.wall, test.zone, text, shown, test.want, test.clock)
		}
	}
}

func TestOpens(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	calendar := windows.Calendar{
		Windows: []windows.Window{
			{Kinds: []string{"certificate", "deploy"}, Rule: "FREQ=DAILY;BYHOUR=2", Duration: 2 * time.Hour,
				TimeZone: "Europe/Berlin"},
			{Hosts: []string{"vps-1"}, Rule: "FREQ=WEEKLY;BYDAY=SU;BYHOUR=22", Duration: 6 * time.Hour},
			{Kinds: []string{"gone"}, Rule: "FREQ=DAILY;UNTIL=20250101", Duration: time.Hour},
		},
		Freezes: []windows.Window{
			{Rule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=15", Duration: 57 * time.Hour, TimeZone: "Europe/Berlin"},
			{Kinds: []string{"sync"}, Rule: "FREQ=DAILY", Duration: 24 * time.Hour},
		},
	}
	for _, test := range []struct {
		change    windows.Change
		now, want string
		next      string // window
	}{
		{windows.Change{Kind: "dns"}, "2026-11-26 12:00", "Thu 26 Nov 12:00 UTC", ""},
		{windows.Change{Kind: "dns"}, "2026-11-27 13:59", "Fri 27 Nov 13:59 UTC", ""},
		{windows.Change{Kind: "dns"}, "2026-11-27 14:00", "Mon 30 Nov 00:00 Europe/Berlin", ""},
		{windows.Change{Kind: "deploy"}, "2026-11-26 12:00", "Fri 27 Nov 02:00 Europe/Berlin",
			"Fri 27 Nov 02:00 Europe/Berlin"},
		{windows.Change{Kind: "deploy"}, "2026-11-26 01:30", "Thu 26 Nov 02:30 Europe/Berlin",
			"Fri 27 Nov 02:00 Europe/Berlin"},
		{windows.Change{Kind: "deploy"}, "2026-11-27 12:00", "Mon 30 Nov 02:00 Europe/Berlin",
			"Mon 30 Nov 02:00 Europe/Berlin"},
		{windows.Change{Kind: "dns", Hosts: []string{"vps-1"}}, "2026-11-25 12:00", "Sun 29 Nov 23:00 UTC",
			"Sun 29 Nov 23:00 UTC"},
		{windows.Change{Kind: "sync"}, "2026-11-25 12:00", "never", ""},
		{windows.Change{Kind: "gone"}, "2026-11-25 12:00", "never", "never"},
	} {
		now, err := time.Parse(clock, test.now)
		if err != nil {
			t.Fatal(err)
		}
		text := func(at time.Time, ok bool) string {
			if !ok {
				return "never"
			}
			return windows.Text(at)
		}
		if got := text(calendar.Opens(test.change, now)); got != test.want {
			t.Errorf("%v at %s opens %s, want %s", test.change, test.now, got, test.want)
		}
		got := ""
		if calendar.HasWindows(test.change) {
			got = text(calendar.NextWindow(test.change, now))
		}
		if got != test.next {
			t.Errorf("%v at %s: the next window is %q, want %q", test.change, test.now, got, test.next)
		}
	}
	if got := calendar.Closed(time.Date(2026, 11, 25, 0, 0, 0, 0, berlin)); !slices.Equal(got, []int{2}) {
		t.Errorf("the windows %v stay closed", got)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		window windows.Window
		want   string // in the error, empty for none
	}{
		{windows.Window{Rule: "freq=weekly;byday=sa", Duration: time.Hour}, ""},
		{windows.Window{Rule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", Duration: time.Hour}, ""},
		{windows.Window{Rule: "FREQ=DAILY;INTERVAL=14", Start: "2026-01-05T02:00", Duration: time.Hour}, ""},
		{windows.Window{Duration: time.Hour}, "windows[0].rule: write one rule"},
		{windows.Window{Rule: "Saturdays", Duration: time.Hour},
			"windows[0].rule: \"Saturdays\" is not a recurrence rule"},
		{windows.Window{Rule: "FREQ=DAILY;BYHOUR=25", Duration: time.Hour}, "windows[0].rule: "},
		{windows.Window{Rule: "FREQ=HOURLY", Duration: time.Hour}, "windows[0].rule: FREQ is not one of"},
		{windows.Window{Rule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", Duration: time.Hour}, "never comes"},
		{windows.Window{Rule: "FREQ=DAILY;UNTIL=20200101", Duration: time.Hour}, "never comes"},
		{windows.Window{Rule: "FREQ=DAILY;INTERVAL=999999999999", Duration: time.Hour}, "INTERVAL is not between"},
		{windows.Window{Rule: "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY", Duration: time.Hour},
			"the key start is for"},
		{windows.Window{Rule: "FREQ=DAILY"}, "windows[0].duration: 0s is not between"},
		{windows.Window{Rule: "FREQ=DAILY", Duration: 1000 * time.Hour},
			"windows[0].duration: 1000h0m0s is not between"},
		{windows.Window{Rule: "FREQ=DAILY", Duration: time.Hour, TimeZone: "Berlin"},
			"windows[0].time_zone: \"Berlin\""},
		{windows.Window{Rule: "FREQ=DAILY", Duration: time.Hour, TimeZone: "Local"}, "windows[0].time_zone: \"Local\""},
		{windows.Window{Rule: "FREQ=DAILY", Duration: time.Hour, Start: "Monday"}, "windows[0].start: \"Monday\""},
	} {
		err := windows.Calendar{Windows: []windows.Window{test.window}}.Validate()
		if (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.window, err, test.want)
		}
	}
}
