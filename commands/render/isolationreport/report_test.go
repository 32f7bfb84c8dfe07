package isolationreport

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports/record"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

const (
	aPerson    = "11111111-1111-4111-8111-111111111111"
	anAttacker = "22222222-2222-4222-8222-222222222222"
)

// leakOf is a finding as the library words them.
func leakOf(kind results.Kind, operation, table string) results.Finding {
	f := results.Finding{Kind: kind, Operation: results.Operation(operation), Table: table, As: "Person " +
		anAttacker, Fix: "ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY;",
		Evidence: "read 40 rows of others, such as id b57a599c-eece-4275-bc18-116c022e0685 of Person " + aPerson}
	if kind == results.Risk {
		f.As, f.Evidence = "any session",
			"row-level security is off; no other tenant has a row here that could prove a leak"
		f.Definition = "3f2a90c1d4e5"
	}
	return f
}

// recordOf is a record of the morning of 2026-11-23, with a verdict and findings.
func recordOf(verdict results.Verdict, findings ...results.Finding) *record.Record {
	at := time.Date(2026, 11, 23, 7, 0, 2, 0, time.UTC)
	return &record.Record{
		Request: record.Request{ID: uuid.MustParse("0193546c-0000-7000-8000-000000000001"), Channel: "C0OPS",
			Tick: at.Truncate(time.Minute)}, At: at, Since: at.AddDate(0, 0, -1),
		Report: &results.Report{Verdict: verdict, Findings: findings,
			Coverage: results.Coverage{Tenants: 214, Persons: 200, Orgs: 14, Tables: 12, Reads: 2568,
				WriteAttempts: 616, Functions: 96, Seconds: 1.24, Started: at.Add(-2 * time.Second),
				Operations: []results.Operation{"delete", "insert", "read", "update"}}},
		Changes: results.Changes{Unchanged: findings},
	}
}

// isolationCases are what a report can say, by the names of their golden files.
func isolationCases() map[string]*record.Record {
	leak, update, risk := leakOf(results.Leak, "read", "public.bookings"),
		leakOf(results.Leak, "update", "public.inbox_messages"),
		leakOf(results.Risk, "row-level security", "public.notes")
	cases := map[string]*record.Record{
		"green": recordOf(results.Sound), "first": recordOf(results.Sound), "asked": recordOf(results.Sound),
		"one-tenant": recordOf(results.Leaking, leak),
		"fixed":      recordOf(results.Sound), "leak": recordOf(results.Leaking, leak, update, risk),
		"risk":       recordOf(results.Incomplete, risk),
		"incomplete": recordOf(results.Incomplete), "leak-and-more": recordOf(results.Leaking, leak),
		"failed": recordOf(results.Sound),
		"huge":   recordOf(results.Leaking), "hostile": recordOf(results.Leaking),
	}
	cases["accepted"], cases["accepted-quiet"] = recordOf(results.Sound), recordOf(results.Sound)
	cases["accepted"].By, cases["many-risks"] = "U0ANA", recordOf(results.Incomplete)
	for _, name := range []string{"accepted", "accepted-quiet"} {
		cases[name].Report.Accepted = []results.Accepted{
			{Finding: risk, Acceptance: results.Acceptance{Reason: "nothing reads it", Who: "Ana Ortiz",
				Until: "2027-01-31"}},
			{Finding: risk, Acceptance: results.Acceptance{Reason: "only the API calls it",
				Who: "requested by ana, accepted by bo", Until: "2027-01-31",
				Request: "0193546c-0000-7000-8000-000000000002"}}}
	}
	for i := range maxProven {
		risk := leakOf(results.Risk, "execute", fmt.Sprintf("public.%s_%d", strings.Repeat("long", 30), i))
		cases["many-risks"].Report.Findings = append(cases["many-risks"].Report.Findings, risk)
	}
	cases["first"].Since = time.Time{}
	cases["asked"].Tick, cases["asked"].By = time.Time{}, "U0ANA"
	cases["one-tenant"].Tick, cases["one-tenant"].By, cases["one-tenant"].Tenant,
		cases["one-tenant"].Since = time.Time{}, "U0ANA", "merche-biche", time.Time{}
	cases["one-tenant"].Changes = results.Changes{New: []results.Finding{leak}}
	cases["fixed"].Changes = results.Changes{Fixed: []results.Finding{leak, update}}
	cases["leak"].Changes = results.Changes{New: []results.Finding{update},
		Unchanged: []results.Finding{leak, risk},
		Fixed:     []results.Finding{leakOf(results.Leak, "read", "public.plans")}}
	cases["incomplete"].Report.Coverage.LeftOut = []string{
		"public.analytics_events: canceling statement due to statement timeout (SQLSTATE 57014)"}
	cases["incomplete"].Report.Coverage.Unclassified = []string{"crm.notes: column owner refers to no tenant"}
	cases["incomplete"].Unseen = []results.Finding{leakOf(results.Leak, "read", "public.analytics_events")}
	cases["leak-and-more"].Report.Coverage.LeftOut = []string{"public.inbox_messages: the connection was lost"}
	cases["failed"].Report, cases["failed"].Problem = nil,
		"database_url: failed to connect to `host=db.example.com user=auditor`: connection refused"
	cases["failed"].Changes, cases["failed"].Unseen = results.Changes{}, []results.Finding{leak}
	for i := range 200 {
		f := leakOf(results.Leak, "read", fmt.Sprintf("public.%s_%d", strings.Repeat("long", 30), i))
		f.Evidence = strings.Repeat(f.Evidence+", ", 30)
		cases["huge"].Report.Findings = append(cases["huge"].Report.Findings, f)
		cases["huge"].Report.Coverage.LeftOut = append(cases["huge"].Report.Coverage.LeftOut,
			strings.Repeat(f.Table+" timed out ", 40))
	}
	cases["huge"].Changes = results.Changes{New: cases["huge"].Report.Findings,
		Fixed: cases["huge"].Report.Findings}
	cases["huge"].Unseen = cases["huge"].Report.Findings
	const evil = "<!channel> *bold* `code` <https://evil.example|click> & \u202e\n\tnext"
	nasty := results.Finding{Kind: results.Leak, Operation: evil, Table: "public.\"" + evil + "\"", As: evil,
		Evidence: evil, Fix: evil}
	cases["hostile"].Tenant, cases["hostile"].Report.Findings, cases["hostile"].Report.Coverage.LeftOut = evil,
		[]results.Finding{nasty}, []string{evil}
	cases["hostile"].Changes = results.Changes{New: []results.Finding{nasty}, Fixed: []results.Finding{nasty}}
	cases["hostile"].Unseen = []results.Finding{nasty}
	return cases
}

// TestIsolationMessages compares each kind of report with its golden file and Slack's limits.
func TestIsolationMessages(t *testing.T) {
	t.Parallel()
	for name, record := range isolationCases() {
		messages := Messages(record, []string{"U0BO", "S0OPS"}, "/onboard")
		golden.CheckMessages(t, messages)
		var archive txtar.Archive
		for _, message := range messages {
			part := func(name string, data []byte) {
				archive.Files = append(archive.Files, txtar.File{Name: name, Data: data})
			}
			switch {
			case message.File == nil:
				part("message.txt", []byte(message.Text+"\n"))
				part("message.json", golden.Indented(message.Blocks))
			case message.Thread != messages[0].Key:
				t.Errorf("%s: the file is in the thread of %q", name, message.Thread)
			case name == "huge":
				if !strings.Contains(string(message.File.Content), "_199") {
					t.Error("the file does not say everything")
				}
			default:
				part(message.File.Name, append([]byte(message.Text+"\n\n"), message.File.Content...))
			}
		}
		golden.Compare(t, filepath.Join("testdata", "isolation", name+".txtar"), txtar.Format(&archive))
		if calm := messages[0].Blocks; (name == "green" || name == "first" || name == "asked" ||
			name == "accepted-quiet") != (len(calm) == 1 &&
			len(messages[0].Text) < 300) {
			t.Errorf("%s: %d blocks", name, len(calm))
		}
		if calls := strings.Contains(messages[0].Text,
			blockkit.User("U0BO")+", "+blockkit.Group("S0OPS")); calls != (record.Count(results.Leak) > 0) {
			t.Errorf("%s: the approvers are mentioned: %v", name, calls)
		}
	}
}
