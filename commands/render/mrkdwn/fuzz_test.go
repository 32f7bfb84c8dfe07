package mrkdwn

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// FuzzInline writes whatever people or machines wrote into a line of mrkdwn: nothing of it
// formats, mentions or links, and it stays one line.
func FuzzInline(f *testing.F) {
	for _, text := range []string{"_a_ *b* ~c~ `d`", "<!channel> <@U1> <https://a.example|b>", "_a_b_ _c_",
		"__a__ ~_b_~", "a\u202eb\r\n\x00", "\xff_a_\xff", "(_two words_)_x_"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := Inline(text)
		if strings.ContainsAny(out, "`*<>\r\n\x00\x1b\u202e") || !utf8.ValidString(out) {
			t.Errorf("%q became %q", text, out)
		}
		if found := emphasis.FindString(blockkit.Unescape(out)); found != "" {
			t.Errorf("%q became %q, in which %q formats", text, out, found)
		}
	})
}
