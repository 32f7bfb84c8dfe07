package blockkit

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":              "plain",
		"<!channel> & <@U1>": "&lt;!channel&gt; &amp; &lt;@U1&gt;",
		`"quotes" and 'one'`: `"quotes" and 'one'`,
		"&amp;":              "&amp;amp;",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnmarked(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"🟢 *Certificates*: 1 well &amp; `sound` &lt;3": "🟢 Certificates: 1 well & sound <3",
		"until <!date^1795426200^{date}|2026-11-23 09:30 UTC>, " +
			"see <https://a.example/?x=1&amp;y=2|the thread>": "until 2026-11-23 09:30 UTC, see the thread",
		"<https://a.example/?x=1&amp;y=2> by <@U1>": "https://a.example/?x=1&y=2 by @U1",
		"a &amp;amp; b": "a &amp; b",
	} {
		if got := Unmarked(in); got != want {
			t.Errorf("Unmarked(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"äöüß", 3, "äö…"},
		{"👩‍🚀 ok", 3, "👩‍…"},
		{"a&amp;b", 7, "a&amp;b"},
		{"a&amp;b", 6, "a…"},
		{"a&amp;bc", 7, "a&amp;…"},
		{"a&amp;b", 5, "a…"},
		{"a&amp;b", 3, "a…"},
		{"a & b and more", 5, "a & …"},
		{"see <https://x|y> now", 10, "see …"},
		{"1 &lt; 2 and more", 10, "1 &lt; 2 …"},
		{"anything", 0, ""},
		{"anything", 1, "…"},
	} {
		if got := Truncate(tc.in, tc.limit); got != tc.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tc.in, tc.limit, got, tc.want)
		}
	}
}

func FuzzTruncate(f *testing.F) {
	f.Add("a & b < c > d", 5)
	f.Add("\xff\xfe&&&", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 0), 100)
		escaped := Escape(text)
		got := Truncate(escaped, limit)
		if utf8.RuneCountInString(got) > limit {
			t.Fatalf("%q has more than %d characters", got, limit)
		}
		kept := strings.TrimSuffix(got, ellipsis)
		if !strings.HasPrefix(escaped, kept) {
			t.Fatalf("%q is no beginning of %q", kept, escaped)
		}
		rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(kept)
		if strings.ContainsAny(rest, "&<>") {
			t.Fatalf("%q has half an entity", got)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 5, 0, 0, time.FixedZone("", 3600))
	for _, tc := range []struct{ got, want string }{
		{User("U1"), "<@U1>"},
		{User("U1> <!channel"), "<@U1&gt; &lt;!channel>"},
		{Channel("C1"), "<#C1>"},
		{Group("S1"), "<!subteam^S1>"},
		{Clock(at), "<!date^1795421100^{time}|08:05 UTC>"},
		{Date(at), "<!date^1795421100^{date_short_pretty} {time}|2026-11-23 08:05 UTC>"},
		{Link("https://x.test/?a=1&b=2", "see > here | now"), "<https://x.test/?a=1&b=2|see &gt; here ¦ now>"},
		{Link("https://x.test/|<!here>", "x"), "<https://x.test/%7C%3C!here%3E|x>"},
		{Code("rm -rf `pwd`\n<x>"), "`rm -rf ˋpwdˋ &lt;x&gt;`"},
		{Code(" \n"), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}
