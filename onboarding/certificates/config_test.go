package certificates

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/schedule"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	if err := (Settings{}).Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	good := Settings{Extra: []Site{{Domain: "Bücher.example", Host: "vps"}}, Interval: time.Minute,
		Digest: schedule.Schedule{Cron: "0 9 * * MON", TimeZone: "Europe/Lisbon"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	bad := Settings{
		Config: Config{Thresholds: Thresholds{Renewal: 2, Left: []float64{0.1, 0.2}},
			Limits: Limits{Failures: Bucket{Burst: 1}}, Parallel: -1},
		Extra: []Site{{Domain: "not a name"}, {Domain: "a.example", Names: []string{"*.a.example"}},
			{Domain: "a.example"}, {Domain: "A.example"}},
		Digest: schedule.Schedule{Cron: "CRON_TZ=UTC 0 9 * * MON"}, Interval: time.Millisecond,
	}
	var keys []string
	for line := range strings.Lines(bad.Validate().Error()) {
		key, _, _ := strings.Cut(line, ": ")
		keys = append(keys, key)
	}
	want := []string{"thresholds.renewal", "thresholds.left[1]", "limits.failures", "parallel", "extra[0].domain",
		"extra[1].names[0]", "extra[3].domain", "interval", "digest.cron"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
	for _, digest := range []schedule.Schedule{{Cron: "9 * * MON"}, {Cron: "@every 1h"},
		{Cron: "0 9 * * MON", TimeZone: "Mars/Olympus"}} {
		if err := (Settings{Digest: digest}).Validate(); err == nil {
			t.Errorf("%+v passes", digest)
		}
	}
}
