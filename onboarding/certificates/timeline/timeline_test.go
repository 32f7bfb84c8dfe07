package timeline

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// timelineRows are domains of every severity, with past renewals.
func timelineRows(now time.Time) []Row {
	certificate := func(from, to int) certificates.Certificate {
		return certificates.Certificate{NotBefore: now.AddDate(0, 0, from), NotAfter: now.AddDate(0, 0, to)}
	}
	row := func(domain string, severity certificates.Severity, current certificates.Certificate,
		past ...certificates.Certificate) Row {
		return Row{domain, severity, past, []Current{{current, certificates.Thresholds{}.RenewalDue(current, 0)}}}
	}
	both := row("both.example", certificates.Attention, certificate(-60, 4))
	both.Current = append(both.Current, row("", certificates.Healthy, certificate(-20, 44)).Current...)
	return []Row{
		row("transquinnftw.com", certificates.Critical, certificate(-94, -4)),
		row("cocotte.example", certificates.Critical, certificate(-86, 4), certificate(-146, -56)),
		row("a-provider-with-a-remarkably-long-name-that-will-not-fit.example", certificates.Attention,
			certificate(-70, 20)),
		{Domain: "nothing.example", Severity: certificates.Critical,
			Past: []certificates.Certificate{certificate(-100, -10)}},
		both,
		row("xn--bcher-kva.example", certificates.Healthy, certificate(-30, 34), certificate(-90, 0)),
		row("xn--r8jz45g.xn--zckzah", certificates.Healthy, certificate(-29, 35), certificate(-89, 1)),
		row("merche-biche.com", certificates.Healthy, certificate(-10, 80), certificate(-70, 20),
			certificate(-130, -40)),
		row("sansonnet.example", certificates.Healthy, certificate(-1, 5)),
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	many := make([]Row, 0, 1000)
	for i := range 1000 {
		many = append(many, timelineRows(now)[i*9/1000])
	}
	short := []Row{{"short.example", certificates.Healthy, nil, []Current{
		{certificates.Certificate{NotBefore: now.Add(-2 * time.Minute), NotAfter: now.Add(4 * time.Minute)},
			now.Add(2 * time.Minute)}}}}
	for name, rows := range map[string][]Row{"all": timelineRows(now), "none": nil, "one": timelineRows(now)[7:8],
		"thirty": many[870:900], "many": many, "minutes": short} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var picture bytes.Buffer
			if err := Draw(&picture, rows, now); err != nil {
				t.Fatal(err)
			}
			if dir := os.Getenv("TIMELINE_DIR"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".png"), picture.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			config, err := png.DecodeConfig(&picture)
			want := header + min(max(1, len(rows)), maxRows)*rowHeight + footer
			if err != nil || config.Width != width || config.Height != want {
				t.Errorf("picture of %d by %d, want %d by %d, error %v", config.Width, config.Height, width, want, err)
			}
		})
	}
}

func TestNamesAreDrawnInLettersThatThereAre(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"merche-biche.com": "merche-biche.com", "xn--bcher-kva.example": "bücher.example",
		"xn--e1aybc.xn--p1ai":    "тест.рф",
		"xn--r8jz45g.xn--zckzah": "xn--r8jz45g.xn--zckzah",
	} {
		if got := (Row{Domain: name}).name(); got != want {
			t.Errorf("%s is drawn as %s, want %s", name, got, want)
		}
	}
}
