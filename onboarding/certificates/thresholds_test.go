package certificates

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func lasting(lifetime time.Duration) Certificate {
	return Certificate{Serial: "1f", NotBefore: start, NotAfter: start.Add(lifetime)}
}

const days = 24 * time.Hour

func TestThresholdsFollowTheLifetime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		lifetime    time.Duration
		renewBefore time.Duration
		window      *Window
		config      Thresholds
		want        string // threshold, level and time since issuance
	}{
		{"90 days", 90 * days, 0, nil, Thresholds{},
			"overdue quiet 1512h; 1/4 notice 1620h; 1/8 notice 1890h; 1/16 urgent 2025h; last urgent 2136h; expired " +
				"urgent 2160h"},
		{"64 days", 64 * days, 0, nil, Thresholds{},
			"overdue quiet 1075h12m; 1/4 notice 1152h; 1/8 notice 1344h; 1/16 urgent 1440h; last urgent 1512h; " +
				"expired urgent 1536h"},
		{"45 days", 45 * days, 0, nil, Thresholds{},
			"overdue quiet 756h; 1/4 notice 810h; 1/8 notice 945h; 1/16 urgent 1012h30m; last urgent 1056h; expired " +
				"urgent 1080h"},
		{"6 days renew at half", 6 * days, 0, nil, Thresholds{},
			"overdue quiet 76h48m; 1/4 notice 108h; last urgent 120h; 1/8 notice 126h; 1/16 urgent 135h; expired " +
				"urgent 144h"},
		{"minutes have no last day", 16 * time.Minute, 0, nil, Thresholds{},
			"overdue quiet 8m32s; 1/4 notice 12m; 1/8 notice 14m; 1/16 urgent 15m; expired urgent 16m"},
		{"certbot is configured", 90 * days, 45 * days, nil, Thresholds{},
			"overdue quiet 1152h; 1/4 notice 1620h; 1/8 notice 1890h; 1/16 urgent 2025h; last urgent 2136h; expired " +
				"urgent 2160h"},
		{"the authority suggests", 90 * days, 45 * days, &Window{start.Add(50 * days), start.Add(52 * days)},
			Thresholds{}, "overdue quiet 1320h; 1/4 notice 1620h; 1/8 notice 1890h; 1/16 urgent 2025h; last urgent " +
				"2136h; expired urgent 2160h"},
		{"a window at the end puts nothing off", 90 * days, 0, &Window{start.Add(88 * days), start.Add(89 * days)},
			Thresholds{}, "1/4 notice 1620h; 1/8 notice 1890h; 1/16 urgent 2025h; last urgent 2136h; expired " +
				"urgent 2160h"},
		{"configured", 100 * days, 0, nil, Thresholds{Renewal: 0.5, Grace: 0.1, Left: []float64{0.3, 0.02},
			Last: 48 * time.Hour},
			"overdue quiet 1440h; 0.3 notice 1680h; 1/50 urgent 2352h; last urgent 2352h; expired urgent 2400h"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := lasting(test.lifetime)
			c.Window = test.window
			var got []string
			for _, m := range test.config.marks(c, test.renewBefore) {
				got = append(got, fmt.Sprintf("%s %s %s", m.threshold, m.level, shortDuration(m.at.Sub(start))))
			}
			if diff := cmp.Diff(strings.Split(test.want, "; "), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func shortDuration(d time.Duration) string {
	text := strings.TrimSuffix(d.Round(time.Second).String(), "0s")
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		return rest + "h"
	}
	return text
}

func TestThresholdErrorsNameTheField(t *testing.T) {
	t.Parallel()
	err := Thresholds{Renewal: 1, Grace: -1, Left: []float64{0.25, 0.5}, Last: -1}.Validate()
	want := `renewal: 1 is not a fraction between 0 and 1
grace: -1 is not a fraction between 0 and 1
left[1]: 0.5 is not a fraction between 0 and the one before it
last: -1ns is negative`
	if err == nil || err.Error() != want {
		t.Errorf("error = %v", err)
	}
	if err := (Thresholds{}).Validate(); err != nil {
		t.Error(err)
	}
}
