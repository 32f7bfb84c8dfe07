package isolation_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

func finding(kind isolation.Kind, operation, table string) isolation.Finding {
	return isolation.Finding{Kind: kind, Operation: isolation.Operation(operation), Table: table, As: "Person a",
		Evidence: "read 2 rows of others, such as id 7 of Person b", Fix: "ALTER TABLE x ENABLE ROW LEVEL SECURITY;"}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	read, write, risk := finding(isolation.Leak, "read", "public.a"), finding(isolation.Leak, "update",
		"public.a"), finding(isolation.Risk, "read", "public.b")
	reworded := read
	reworded.Evidence = "read 3 rows"
	report := func(leftOut []string, findings ...isolation.Finding) *isolation.Report {
		return &isolation.Report{Findings: findings, Coverage: isolation.Coverage{LeftOut: leftOut}}
	}
	type findings = []isolation.Finding
	for name, c := range map[string]struct {
		previous, current *isolation.Report
		want              isolation.Changes
	}{
		"first": {nil, report(nil, read), isolation.Changes{New: findings{read}}},
		"all three": {report(nil, read, write), report(nil, reworded, risk),
			isolation.Changes{New: findings{risk}, Fixed: findings{write}, Unchanged: findings{reworded}}},
		"not looked at": {report(nil, read), report([]string{"public.a: timed out"}), isolation.Changes{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, results.Diff(c.previous, c.current)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[isolation.Verdict]int{
		isolation.Sound: 0, isolation.Leaking: 1, isolation.Incomplete: 2,
	} {
		if got := verdict.ExitStatus(); got != want {
			t.Errorf("%s: %d, want %d", verdict, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", "ALTER TABLE inbox_messages DISABLE ROW LEVEL SECURITY; REVOKE INSERT, UPDATE, DELETE ON "+
		"inbox_messages FROM {{app}};")
	var out bytes.Buffer
	status, err := isolation.Run(t.Context(), s.cfg, isolation.Options{},
		isolation.Output{Writer: &out, Format: isolation.FormatJSON})
	if err != nil || status != 1 {
		t.Fatalf("status %d, error %v", status, err)
	}
	var got struct {
		Verdict  string           `json:"verdict"`
		Findings []map[string]any `json:"findings"`
		Coverage map[string]any   `json:"coverage"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{
		"kind": "leak", "operation": "read", "table": "public.inbox_messages", "as": "anonymous, no identity set",
		"evidence": "read 6 rows of others, such as id 00000000-0000-4000-b000-00000000000a of Person " +
			"00000000-0000-4000-8000-00000000000a",
		"proof": "BEGIN;\nSELECT * FROM \"public\".\"inbox_messages\" a WHERE 'id ' || a.\"id\"::text = " +
			"'id 00000000-0000-4000-b000-00000000000a' LIMIT 5;\nROLLBACK;",
		"fix": "ALTER TABLE \"public\".\"inbox_messages\" ENABLE ROW LEVEL SECURITY;\nALTER TABLE " +
			"\"public\".\"inbox_messages\" FORCE ROW LEVEL SECURITY;\nDROP POLICY IF EXISTS tenant_fence ON " +
			"\"public\".\"inbox_messages\";\nCREATE POLICY tenant_fence ON \"public\".\"inbox_messages\" AS " +
			"RESTRICTIVE FOR ALL TO \"" + s.role +
			"\" USING (\"user_id\" = nullif(current_setting('app.user_id', true), '')::uuid);",
	}}
	if diff := cmp.Diff(want, got.Findings); diff != "" || got.Verdict != "leak" || got.Coverage["tenants"] != 8.0 {
		t.Errorf("verdict %s, %v tenants: %s", got.Verdict, got.Coverage["tenants"], diff)
	}
	if strings.Contains(out.String(), "a message for") {
		t.Error("the report repeats contents")
	}
	// The fix of a report has to work.
	s.exec(t, got.Findings[0]["fix"].(string))
	if report := s.check(t); report.Verdict != isolation.Sound {
		t.Errorf("after the fix: %s, %v", report.Verdict, report.Findings)
	}
}

func TestTextIsNarrow(t *testing.T) {
	t.Parallel()
	report := &isolation.Report{Verdict: isolation.Leaking,
		Findings: []isolation.Finding{finding(isolation.Leak, "read", "public.a"),
			finding(isolation.Risk, "read", "public.b")}}
	changes := results.Diff(nil, report)
	var out bytes.Buffer
	if err := results.WriteText(&out, report, &changes); err != nil {
		t.Fatal(err)
	}
	want := `LEAK: 1 leak proven, 1 risk.
2 new, 0 fixed, 0 unchanged.

1. LEAK: read public.a
   as Person a
   read 2 rows of others, such as id 7 of
     Person b
   fix, not tried:
   ALTER TABLE x ENABLE ROW LEVEL SECURITY;

2. RISK: read public.b
   as Person a
   read 2 rows of others, such as id 7 of
     Person b
   fix, not tried:
   ALTER TABLE x ENABLE ROW LEVEL SECURITY;

Covered: 0 tenants (0 Persons, 0 Orgs) ×
0 tables × ,
0 reads, 0 write attempts,
0 functions called, in 0.0 s.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if utf8.RuneCountInString(line) > 46 {
			t.Errorf("too wide: %q", line)
		}
	}
}

// TestThinAuditor checks with no more than BYPASSRLS and the right to read each table.
func TestThinAuditor(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE ROLE {{role}}_auditor LOGIN BYPASSRLS;
		GRANT USAGE ON SCHEMA public, private TO {{role}}_auditor;
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO {{role}}_auditor; ALTER ROLE {{role}}_auditor NOINHERIT;
		CREATE POLICY w ON inbox_messages FOR INSERT WITH CHECK (true);`)
	s.cfg.DatabaseURL = strings.Replace(s.dsn, "postgres@", s.role+"_auditor@", 1)
	report := s.check(t)
	if len(report.Findings) != 1 || report.Findings[0].Key() != "leak insert public.inbox_messages" ||
		len(report.Coverage.LeftOut) > 0 {
		t.Errorf("%s: %v, left out %q", report.Verdict, report.Findings, report.Coverage.LeftOut)
	}
}
