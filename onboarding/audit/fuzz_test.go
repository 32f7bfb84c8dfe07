package audit_test

import (
	"bytes"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/audit"
)

// FuzzFile verifies whatever somebody hands in as an export: it is refused, or every problem is
// named.
func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"format":"onboardbot audit 1","run":"01936000-0000-7000-8000-000000000001","head":"1-00",`+
		`"entries":[`+
		`{"kind":"vote","prev":"","record":{"agrees":true},"row":"1","run":"01936000-0000-7000-8000-000000000001",`+
		`"run_prev":"","seq":1,"hash":"00"}],"changes":{"00":"{}"}}`), "1-00000000000000000")
	f.Add([]byte(`{"format":"onboardbot audit 1","entries":[{}],"changes":null}`), "")
	f.Add([]byte(`{"format":"onboardbot audit 1","entries":[{"kind":"approval","record":[1e400]}]}`), "0-")
	f.Fuzz(func(t *testing.T, text []byte, noted string) {
		head, err := audit.ParseHead(noted)
		if again, second := audit.ParseHead(head.String()); err == nil && (second != nil || again != head) {
			t.Errorf("%q is read as %v and then as %v", noted, head, again)
		}
		file, err := audit.ReadFile(bytes.NewReader(text))
		if err != nil {
			return
		}
		if report, err := file.Verify(); err == nil && len(report.Problems) == 0 {
			// What is sound stays so when it is written and read again.
			var out bytes.Buffer
			if err := file.Write(&out); err != nil {
				t.Fatal(err)
			}
			again, err := audit.ReadFile(&out)
			if err != nil {
				t.Fatal(err)
			}
			if report, err := again.Verify(); err != nil || len(report.Problems) > 0 {
				t.Errorf("%v, %v", report.Problems, err)
			}
		}
	})
}
