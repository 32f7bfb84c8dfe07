package mail

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

const domain = "merche.example"

var keys = []PublicKey{
	{"onboard", RSA, "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + strings.Repeat("k", 342) + "IDAQAB"},
	{"onboard-ed", Ed25519, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
}

// TestMerge reads testdata/merge: a plan, zones, and what is to be published or why it cannot be.
// A real name server serves the zones. Merging again after publishing must change nothing.
func TestMerge(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/merge/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no cases")
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			golden := archive.Files[len(archive.Files)-1]
			if golden.Name != "want" {
				golden = txtar.File{Name: "want"}
				archive.Files = append(archive.Files, golden)
			}
			zones := map[string]string{domain: ""}
			plan := Mailbox
			for _, file := range archive.Files[:len(archive.Files)-1] {
				if zone, ok := strings.CutPrefix(file.Name, "zone/"); ok {
					zones[zone] = string(file.Data)
				} else {
					plan = Plan(strings.TrimSpace(string(file.Data)))
				}
			}
			got := merged(t, plan, zones)
			if *update {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := diff.Diff(string(golden.Data), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func merged(t *testing.T, plan Plan, zones map[string]string) string {
	t.Helper()
	wanted, err := config(t, pattern).Records(domain, plan, keys)
	if err != nil {
		t.Fatal(err)
	}
	resolver := named(t, zones)
	seen, err := resolver.Observe(t.Context(), domain, dns.Questions(wanted))
	if err != nil {
		t.Fatal(err)
	}
	existing := Existing(seen)
	zone := Zone{domain, resolver}
	result, err := zone.Merge(t.Context(), wanted, existing)
	if err != nil {
		return err.Error() + "\n"
	}
	published := slices.Concat(slices.DeleteFunc(slices.Clone(existing),
		func(r dns.Record) bool { return purposeOf(r) != other }), result.Records)
	again, err := zone.Merge(t.Context(), wanted, published)
	if err != nil {
		t.Fatal("merged again: ", err)
	}
	if d := diff.Diff(result.Records, again.Records); d != "" {
		t.Error("merged again: ", d)
	}
	changes, err := dns.Plan(result.Records, seen)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	slices.SortFunc(changes, func(a, b dns.Change) int { return cmp.Compare(a.Name+a.Type, b.Name+b.Type) })
	for _, change := range changes {
		out.WriteString(change.String())
	}
	for _, note := range result.Notes {
		fmt.Fprintln(&out, note)
	}
	return out.String()
}
