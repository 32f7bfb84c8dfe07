package certbot

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzOutput reads whatever a host prints as certbot's files and logs: it is refused or becomes
// something bounded that can be shown.
func FuzzOutput(f *testing.F) {
	f.Add([]byte("+0000\n2026-11-27 01:02:03,123:INFO:Challenge failed for domain a.example\n"))
	f.Add([]byte("server = https://ca.example/directory\nrenew_before_expiry = 30 days\nautorenew = False\n"))
	f.Add([]byte("Detail: \x1b[31mno\u202e such host\n:ERROR:\xff"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		if issued, err := parseIssuances(out); err != nil && len(issued) > 0 {
			t.Errorf("%d issuances and an error", len(issued))
		}
		for _, failure := range parseFailures(out) {
			if failure.Name != strings.ToLower(failure.Name) || failure.At.IsZero() {
				t.Errorf("%+v", failure)
			}
		}
		if lineage := parseRenewal(out); lineage.RenewBefore < 0 {
			t.Errorf("renewed %s before its end", lineage.RenewBefore)
		}
		lines := parseLog(out)
		if len(lines) > maxLogLines {
			t.Errorf("%d lines", len(lines))
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > maxLogLength+1 || !utf8.ValidString(line) ||
				strings.ContainsAny(line, "\x00\x1b\r\n\u202e") {
				t.Errorf("%q", line)
			}
		}
	})
}
