package onboarding

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
)

func TestWhatIsLeftOfAChange(t *testing.T) {
	t.Parallel()
	command := func(argv ...string) Item { return Item{Command: &Command{Host: "vps-0", Argv: argv}} }
	commit := func(before, after string) Item {
		return Item{Commit: &Commit{Folder: "f", Subject: "Put it live",
			Files: []FileChange{{Path: "f/a", Mode: "100644", Before: &before, After: &after}}}}
	}
	pushing := func(item Item, digests ...Digest) Item {
		for _, digest := range digests {
			item.Commit.Unpushed = append(item.Commit.Unpushed, UnpushedCommit{Commit: "c", Digest: digest})
		}
		return item
	}
	whole := Change{Summary: "all", Items: []Item{command("a"), commit("was", "is"), command("b")}}
	digest, err := whole.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		items []Item
		rest  bool
	}{
		"nothing":                      {nil, false},
		"all of it":                    {whole.Items, true},
		"its end":                      {whole.Items[1:], true},
		"its beginning":                {whole.Items[:2], false},
		"more than it":                 {append([]Item{command("z")}, whole.Items...), false},
		"the commit comes to another":  {[]Item{commit("is", "else"), command("b")}, false},
		"what was there is another":    {[]Item{commit("else", "is"), command("b")}, false},
		"its commit is not pushed":     {[]Item{pushing(commit("was", "is"), digest), command("b")}, true},
		"another is not pushed either": {[]Item{pushing(commit("was", "is"), "other", digest), command("b")}, false},
		"a commit with another before": {[]Item{command("z"), commit("was", "is"), command("b")}, false},
	} {
		if got := (Change{Summary: "rest", Items: test.items}).RestOf(whole); got != test.rest {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Text that is not UTF-8 never enters a digest, wherever it is: JSON would replace it, and changes
// that differ in it alone would have the same digest.
func TestAChangeWithInvalidTextHasNoDigest(t *testing.T) {
	t.Parallel()
	bad := "caf\xe9"
	for name, item := range map[string]Item{
		"statement": {SQL: &Transaction{Statements: []Statement{{SQL: "SELECT $1", Args: []string{bad}}}}},
		"record":    {DNS: &ZoneUpdate{Sets: []RecordsEdit{{Before: []string{"a", bad}}}}},
		"argument":  {Command: &Command{Argv: []string{"echo", bad}}},
		"stdin":     {Command: &Command{Stdin: bad}},
		"file":      {Commit: &Commit{Files: []FileChange{{Path: "a", After: &bad}}}},
		"probe":     {Probe: &Probe{Body: bad}},
	} {
		change := Change{Items: []Item{item}}
		if digest, err := change.Digest(); !errors.Is(err, ErrNotUTF8) || digest != "" {
			t.Errorf("%s: digest %q, %v", name, digest, err)
		}
		if change.RestOf(change) {
			t.Errorf("%s: it is the rest of itself", name)
		}
	}
	if _, err := (Change{Summary: bad}).Digest(); !errors.Is(err, ErrNotUTF8) {
		t.Errorf("summary: %v", err)
	}
	if _, err := (Change{Summary: "\ufffd, é and \x00"}).Digest(); err != nil {
		t.Errorf("valid text: %v", err)
	}
}

// A replica of an earlier release does not know a field of a later one. It refuses the stored
// change instead of applying what it knows of it.
func TestAChangeOfALaterReleaseIsRefused(t *testing.T) {
	t.Parallel()
	form := []byte(`{"items":[{"commit":{"files":[],"folder":"f","later":["c"],"subject":"s"}}],"summary":"s"}`)
	sum := sha256.Sum256(form)
	if change, err := ParseChange(form, Digest(hex.EncodeToString(sum[:]))); err == nil {
		t.Errorf("got %+v", change)
	}
}
