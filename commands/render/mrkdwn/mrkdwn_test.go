package mrkdwn

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain\ttext\n": "plain\ttext\n", "\x1b[31m": `\u001b[31m`, "a\u202eb": `a\u202eb`, "\xff": `\xff`,
		"\U000e0041": `\U000e0041`, "ñ – 日本 😀": "ñ – 日本 😀", "\u00a0": `\u00a0`,
		"👩\u200d👧 ❤\ufe0f\u200d🔥": "👩\u200d👧 ❤\ufe0f\u200d🔥", "mer\u200dche": `mer\u200dche`, "👩\u200d": `👩\u200d`,
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q shows as %q, want %q", text, got, want)
		}
	}
}

// TestNothingIsMarkup writes text from people into a line of mrkdwn, where it must neither format
// nor lose anything.
func TestNothingIsMarkup(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"*b* `c`": "∗b∗ ˋcˋ", "_i_ _j_ ~s~": "ˍiˍ ˍjˍ ∼s∼", "(_two words_)": "(ˍtwo wordsˍ)",
		"<!channel> & <@U1>":       "&lt;!channel&gt; &amp; &lt;@U1&gt;",
		"org_members of _template": "org_members of _template", "~/Code/@projects": "~/Code/@projects", "a\nb": "a b",
	} {
		if got := Inline(text); got != want {
			t.Errorf("%q reads %q, want %q", text, got, want)
		}
	}
}

func TestJoinWithin(t *testing.T) {
	t.Parallel()
	if got := JoinWithin([]string{"one", "two"}, 100); got != "one\ntwo" {
		t.Errorf("got %q", got)
	}
	if got := JoinWithin([]string{"one", "two", strings.Repeat("x", 100)}, 30); got != "one\ntwo\n… and 1 more" {
		t.Errorf("got %q", got)
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"ab\ncd\n", []string{"ab\ncd"}},
		{"abcd\nefgh\nij", []string{"abcd", "efgh\nij"}},
		{"abcdefghijklmnop\nq", []string{"abcdefgh", "ijklmnop", "\nq"}},
		{"ééééééééé", []string{"éééééééé", "é"}},
	} {
		if diff := cmp.Diff(c.want, Chunks(c.text, 8)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}
