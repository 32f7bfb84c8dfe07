package certificates

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// timelineRows are domains in every state, with past renewals.
func timelineRows(now time.Time) []Row {
	certificate := func(from, to int, current bool) Certificate {
		c := Certificate{NotBefore: now.AddDate(0, 0, from), NotAfter: now.AddDate(0, 0, to)}
		if current {
			c.leaf = new(x509.Certificate)
		}
		return c
	}
	row := func(domain string, severity Severity, certificates ...Certificate) Row {
		current := certificates[len(certificates)-1]
		return Row{domain, severity, certificates, Thresholds{}.RenewalDue(current, 0)}
	}
	return []Row{
		row("transquinnftw.com", Critical, certificate(-94, -4, true)),
		row("cocotte.example", Critical, certificate(-146, -56, false), certificate(-86, 4, true)),
		row("a-provider-with-a-remarkably-long-name-that-will-not-fit.example", Attention, certificate(-70, 20, true)),
		{Domain: "nothing.example", Severity: Critical},
		row("bücher.example", Well, certificate(-90, 0, false), certificate(-30, 34, true)),
		row("merche-biche.com", Well, certificate(-130, -40, false), certificate(-70, 20, false), certificate(-10, 80, true)),
		row("sansonnet.example", Well, certificate(-1, 5, true)),
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	many := make([]Row, 0, 1000)
	for i := range 1000 {
		many = append(many, timelineRows(now)[i%7])
	}
	short := []Row{{"short.example", Well, []Certificate{{NotBefore: now.Add(-2 * time.Minute), NotAfter: now.Add(4 * time.Minute), leaf: new(x509.Certificate)}}, now.Add(2 * time.Minute)}}
	for name, rows := range map[string][]Row{"all": timelineRows(now), "none": nil, "many": many, "minutes": short} {
		for _, theme := range []Theme{Light, Dark} {
			if theme == Dark && name != "all" {
				continue // only colours differ
			}
			t.Run(fmt.Sprintf("%s %s", name, theme), func(t *testing.T) {
				t.Parallel()
				var picture bytes.Buffer
				if err := Timeline(&picture, rows, now, theme); err != nil {
					t.Fatal(err)
				}
				if dir := os.Getenv("TIMELINE_DIR"); dir != "" {
					if err := os.WriteFile(filepath.Join(dir, name+"-"+string(theme)+".png"), picture.Bytes(), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				config, err := png.DecodeConfig(&picture)
				if want := headHeight + min(max(1, len(rows)), MaxRows)*rowHeight + footHeight; err != nil || config.Width != pictureWidth || config.Height != want {
					t.Errorf("picture of %d by %d, want %d by %d, error %v", config.Width, config.Height, pictureWidth, want, err)
				}
			})
		}
	}
	if err := Timeline(&bytes.Buffer{}, nil, now, "sepia"); err == nil {
		t.Error("an unknown theme was drawn")
	}
}
