package formats_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"

	"github.com/atlilith/onboardbot/onboarding/isolation/formats"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

func finding(kind results.Kind, operation results.Operation, table string) results.Finding {
	return results.Finding{Kind: kind, Operation: operation, Table: table, As: "Person a",
		Evidence: "read 2 rows of others, such as id 7 of Person b", Fix: "ALTER TABLE x ENABLE ROW LEVEL SECURITY;"}
}

// hostile is a table whose name means something in every format.
const hostile = "public.a|b`c`]]><script>&@all\n```\n# x\x01 é:/?#%"

// report has a leak, a leak of a hostile table, a risk, a table that is sound and one unchecked.
func report() *results.Report {
	c := results.NewCollector()
	c.Add(finding(results.Leak, results.Read, "public.bookings"))
	leak := finding(results.Leak, results.Update, hostile)
	leak.Fix = "```\nx"
	c.Add(leak)
	c.Add(finding(results.Risk, results.SetRole("a b"), "role app"))
	c.Tried("public.bookings", results.Read)
	c.Tried("public.orders", results.Read)
	c.CoverRelation(results.Covered{Table: "public.bookings"})
	c.CoverRelation(results.Covered{Table: "public.orders"})
	c.LeaveOut("public.slow: took too long")
	return c.Report()
}

// baseline has the leak of bookings, and one that is fixed since.
func baseline() *results.Report {
	c := results.NewCollector()
	c.Add(finding(results.Leak, results.Read, "public.bookings"))
	c.Add(finding(results.Leak, results.Delete, "public.notes"))
	return c.Report()
}

// complete is the report without what could not be checked, so what it lacks is fixed.
func complete() *results.Report {
	r := report()
	r.Coverage.LeftOut = nil
	return r
}

func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSARIF validates logs with the schema of OASIS, whose descriptions are left out.
func TestSARIF(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile("testdata/sarif-2.1.0.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, document := range map[string]formats.Document{
		"alone": formats.New(report(), nil), "compared": formats.New(complete(), baseline()),
		"empty": formats.New(results.NewCollector().Report(), nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := gojsonschema.Validate(
				gojsonschema.NewBytesLoader(schema), gojsonschema.NewBytesLoader(written(t, document.SARIF)))
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range result.Errors() {
				t.Errorf("not SARIF 2.1.0: %s", problem)
			}
		})
	}
}

// TestSARIFResults compares what code scanning decides by: level, place and state of each result.
func TestSARIFResults(t *testing.T) {
	t.Parallel()
	type log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Invocations []struct {
				ExecutionSuccessful bool
				Notifications       []struct{ Message struct{ Text string } } `json:"toolExecutionNotifications"`
			}
			Results []struct {
				RuleID, Level, BaselineState string
				RuleIndex                    int
				Locations                    []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
				PartialFingerprints map[string]string
			}
		}
	}
	shown := func(document formats.Document) (lines []string) {
		var l log
		if err := json.Unmarshal(written(t, document.SARIF), &l); err != nil {
			t.Fatal(err)
		}
		run := l.Runs[0]
		fingerprints := map[string]bool{}
		for _, r := range run.Results {
			if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
				t.Errorf("%s is not rule %d", r.RuleID, r.RuleIndex)
			}
			fingerprints[r.PartialFingerprints["primaryLocationLineHash"]] = true
			lines = append(lines, strings.Join([]string{r.Level, r.RuleID,
				r.Locations[0].PhysicalLocation.ArtifactLocation.URI, r.BaselineState}, " "))
		}
		if len(fingerprints) != len(run.Results) {
			t.Error("findings share a fingerprint")
		}
		for _, n := range run.Invocations[0].Notifications {
			lines = append(lines, n.Message.Text)
		}
		if run.Invocations[0].ExecutionSuccessful {
			lines = append(lines, "successful")
		}
		return lines
	}
	const place = "database/public.a%7Cb%60c%60%5D%5D%3E%3Cscript%3E&@all" +
		"%0A%60%60%60%0A%23%20x%01%20%C3%A9:%2F%3F%23%25"
	want := []string{"error leak/update " + place + " ", "error leak/read database/public.bookings ",
		"warning risk/set%20role%20a%20b database/role%20app ", "not checked: public.slow: took too long"}
	if diff := cmp.Diff(want, shown(formats.New(report(), nil))); diff != "" {
		t.Error(diff)
	}
	want = []string{"error leak/update " + place + " new", "error leak/read database/public.bookings unchanged",
		"warning risk/set%20role%20a%20b database/role%20app new", "fixed since the baseline: leak delete public.notes",
		"successful"}
	if diff := cmp.Diff(want, shown(formats.New(complete(), baseline()))); diff != "" {
		t.Error(diff)
	}
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	outcomes := func(document formats.Document) (lines []string) {
		var suites struct {
			Suite struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
				Errors   int `xml:"errors,attr"`
				Skipped  int `xml:"skipped,attr"`
				Cases    []struct {
					Class   string    `xml:"classname,attr"`
					Name    string    `xml:"name,attr"`
					Failure *struct{} `xml:"failure"`
					Error   *struct{} `xml:"error"`
					Skipped *struct{} `xml:"skipped"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal(written(t, document.JUnit), &suites); err != nil {
			t.Fatal(err)
		}
		failures, errors, skipped := 0, 0, 0
		for _, c := range suites.Suite.Cases {
			outcome := "passed"
			switch {
			case c.Failure != nil:
				outcome, failures = "failed", failures+1
			case c.Error != nil:
				outcome, errors = "error", errors+1
			case c.Skipped != nil:
				outcome, skipped = "skipped", skipped+1
			}
			lines = append(lines, outcome+" "+c.Class+" "+c.Name)
		}
		s := suites.Suite
		if s.Tests != len(s.Cases) || s.Failures != failures || s.Errors != errors || s.Skipped != skipped {
			t.Errorf("wrong counts: %+v", s)
		}
		return lines
	}
	shown := strings.ReplaceAll(hostile, "\x01", "\uFFFD")
	want := []string{"failed " + shown + " update", "failed public.bookings read", "passed role app set role a b",
		"passed public.orders read", "error not checked public.slow: took too long"}
	if diff := cmp.Diff(want, outcomes(formats.New(report(), nil))); diff != "" {
		t.Error(diff)
	}
	want[1] = "skipped public.bookings read"
	if diff := cmp.Diff(want[:4], outcomes(formats.New(complete(), baseline()))); diff != "" {
		t.Error(diff)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	got := string(written(t, formats.New(complete(), baseline()).Markdown))
	want := `### 🚨 Tenants can reach each other's rows

2 new, 1 fixed, 1 unchanged since the baseline.

| | finding | attacker | evidence |
| --- | --- | --- | --- |
| new | leak: update of public.a\|b\` + "`c\\`\\]\\]&gt;&lt;script&gt;&amp;@\u200ball \\`\\`\\` \\# x\x01 é:/?\\#%" + ` | Person a | read 2 rows of others, such as id 7 of Person b |
| known | leak: read of public.bookings | Person a | read 2 rows of others, such as id 7 of Person b |
| new | risk: set role a b of role app | Person a | read 2 rows of others, such as id 7 of Person b |
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s", cmp.Diff(want, got))
	}
	for _, want := range []string{"````sql\n```\nx\n````", "```sql\nALTER TABLE x ENABLE ROW LEVEL SECURITY;\n```",
		"Fixed since the baseline:\n\n- leak delete public.notes\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

// TestSince compares reports with a baseline: only what is new fails.
func TestSince(t *testing.T) {
	t.Parallel()
	other := report()
	other.Coverage.LeftOut = []string{"public.slow: another reason"}
	for name, c := range map[string]struct {
		current, baseline *results.Report
		want              results.Verdict
	}{
		"the same":         {report(), report(), results.Sound},
		"a new leak":       {complete(), baseline(), results.Leaking},
		"a leak is fixed":  {baseline(), complete(), results.Leaking},
		"not checked now":  {report(), complete(), results.Incomplete},
		"another reason":   {other, report(), results.Incomplete},
		"risk is now leak": {withRisk(results.Leak), withRisk(results.Risk), results.Leaking},
		"a new risk":       {withRisk(results.Risk), results.NewCollector().Report(), results.Incomplete},
	} {
		if got := c.current.Since(c.baseline).Verdict; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func withRisk(kind results.Kind) *results.Report {
	c := results.NewCollector()
	c.Add(finding(kind, results.Read, "public.plans"))
	return c.Report()
}
