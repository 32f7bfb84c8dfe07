package form_test

import (
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

func TestParseAt(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		now, typed, want string // a time, or a part of the problem
		clock            windows.Clock
	}{
		{"2026-11-27 12:00", "02:00", "2026-11-28 02:00", windows.Once},
		{"2026-11-27 12:00", " 2:00 ", "2026-11-28 02:00", windows.Once},
		{"2026-11-27 12:00", "13:30", "2026-11-27 13:30", windows.Once},
		{"2026-11-27 12:00", "12:00", "2026-11-28 12:00", windows.Once},
		{"2026-11-27 12:00", "today 23:00", "2026-11-27 23:00", windows.Once},
		{"2026-11-27 12:00", "Tomorrow 13:30", "2026-11-28 13:30", windows.Once},
		{"2026-11-27 12:00", "2026-12-01T02:00", "2026-12-01 02:00", windows.Once},
		{"2026-11-27 12:00", "2026-12-01 02:00", "2026-12-01 02:00", windows.Once},
		{"2026-03-28 12:00", "02:30", "2026-03-29 03:30", windows.Skipped},
		{"2026-10-24 12:00", "02:30", "2026-10-25 02:30", windows.Twice},
		{"2028-02-28 12:00", "2028-02-29T02:00", "2028-02-29 02:00", windows.Once},
		{"2026-11-27 12:00", "today 11:00", "Fri 27 Nov 11:00 Europe/Berlin has passed", ""},
		{"2026-11-27 12:00", "2026-11-26T02:00", "has passed", ""},
		{"2026-11-27 12:00", "2027-11-28T02:00", "more than 31 days ahead", ""},
		{"2026-11-27 12:00", "2026-02-30T02:00", "not a date and time", ""},
		{"2026-11-27 12:00", "25:00", "not a date and time", ""},
		{"2026-11-27 12:00", "tonight", "tonight is not a time. Write 02:00, ", ""},
		{"2026-11-27 12:00", "02:00 Asia/Tokyo", "2026-11-28 02:00", windows.Once},
		{"2026-11-27 18:00", "02:00 Asia/Tokyo", "2026-11-29 02:00", windows.Once},
		{"2026-11-27 18:00", "TODAY 03:00 Asia/Tokyo", "2026-11-28 03:00", windows.Once},
		{"2026-11-27 12:00", "2026-12-01T02:00 UTC", "2026-12-01 02:00", windows.Once},
		{"2026-11-27 12:00", "02:00 CEST", "CEST is not a time zone", ""},
		{"2026-11-27 12:00", "02:00 Local", "Local is not a time zone", ""},
		{"2026-11-27 12:00", "02:00 ../../etc/passwd", "is not a time", ""},
	} {
		now, err := time.ParseInLocation("2006-01-02 15:04", test.now, berlin)
		if err != nil {
			t.Fatal(err)
		}
		at, clock, problem := form.ParseAt(test.typed, now)
		switch {
		case problem != "" && (test.clock != "" || !strings.Contains(problem, test.want)):
			t.Errorf("%q: %s", test.typed, problem)
		case problem == "" && (at.In().Format("2006-01-02 15:04") != test.want || clock != test.clock):
			t.Errorf("%q: %s, %s, want %s, %s", test.typed, at.In(), clock, test.want, test.clock)
		case problem == "":
			again, _, problem := form.ParseAt(form.AtText(at), now.Add(time.Second).UTC())
			if problem != "" || !again.Time.Equal(at.Time) || again.Zone != at.Zone {
				t.Errorf("%q is written as %q and read as %v: %s", test.typed, form.AtText(at), again, problem)
			}
		}
	}
	if at, _, _ := form.ParseAt("02:30", time.Date(2026, 10, 24, 12, 0, 0, 0, berlin)); at.Time.Hour() != 0 {
		t.Errorf("of two times, %s is not the first", at.Time)
	}
}
