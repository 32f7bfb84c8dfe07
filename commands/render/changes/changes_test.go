package changes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

// TestNothingReadsInTwoWays shows changes that were made to look like others.
func TestNothingReadsInTwoWays(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	commit := func(file onboarding.FileChange) onboarding.Item {
		return onboarding.Item{Commit: &onboarding.Commit{Folder: "d", Subject: "s",
			Files: []onboarding.FileChange{file}}}
	}
	statement := func(args ...string) onboarding.Item {
		return onboarding.Item{SQL: &onboarding.Transaction{
			Statements: []onboarding.Statement{{SQL: "SELECT $1", Args: args}}}}
	}
	records := func(before, after []string) onboarding.Item {
		return onboarding.Item{DNS: &onboarding.ZoneUpdate{Zone: "z",
			Sets: []onboarding.RecordsEdit{{Name: "a.z", Type: "TXT", TTL: 60, Before: before, After: after}}}}
	}
	for name, c := range map[string]struct {
		item onboarding.Item
		want string
	}{
		"a line break":     {statement("a\nb"), "SELECT $1\n  $1  E'a\\nb'"},
		"the text of one":  {statement(`a\nb`), "SELECT $1\n  $1  E'a\\\\nb'"},
		"a quote":          {statement("it's"), "SELECT $1\n  $1  'it''s'"},
		"an invisible":     {statement("a\u200bb"), "SELECT $1\n  $1  E'a\\u200bb'"},
		"another alphabet": {statement("Мария"), "SELECT $1\n  $1  'Мария'  -- Cyrillic"},
		"a mixed word":     {statement("M\u0435rche"), "SELECT $1\n  $1  E'M\\u0435rche'  -- Cyrillic"},
		"a forged record": {records(nil, []string{"a\n  - b"}),
			"a.z TXT, TTL 60\n  (nothing there yet)\n  + a\\n  - b"},
		"a carriage return": {commit(onboarding.FileChange{Path: "d/f", After: text("a\r+b\n")}),
			"@@ -0,0 +1 @@\n+a\\u000d+b"},
		"a line separator": {commit(onboarding.FileChange{Path: "d/f", After: text("a\u2028+b\n")}),
			"@@ -0,0 +1 @@\n+a\\u2028+b"},
		"the text of escape": {commit(onboarding.FileChange{Path: "d/f", After: text("a\\u2028\n")}),
			"@@ -0,0 +1 @@\n+a\\x5cu2028"},
		"a long line": {commit(onboarding.FileChange{Path: "d/f", After: text(strings.Repeat("x", 117) + "-yyy\n")}),
			"@@ -0,0 +1 @@\n+" + strings.Repeat("x", 117) + " ↩\n↪ -yyy"},
		"bytes that are no text": {commit(onboarding.NewFileChange("d/deploy.sh", "100755", nil,
			[]byte("a\xff\x00\n"))),
			"@@ -0,0 +1 @@\n+a\\xff\\u0000"},
		"a picture": {commit(onboarding.NewFileChange("d/logo.png", "100644", nil, []byte("\x89PNG"))),
			"+ 4 bytes, SHA-256 0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543"},
		"an argument of lines": {onboarding.Item{Command: &onboarding.Command{Host: "h",
			Argv: []string{"sh", "-c", "a\n+ b"}}}, "sh -c 'a\n> + b'"},
	} {
		parts := PartsOf(onboarding.Change{Items: []onboarding.Item{c.item}})
		if diff := cmp.Diff(c.want, parts[len(parts)-1].Body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
