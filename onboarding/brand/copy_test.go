package brand

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckCopy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, clean, problem string }{
		"empty":         {"", "", ""},
		"plain":         {"  Welcome.\r\n\tVisits by appointment. \r\n\n", "Welcome.\n Visits by appointment.", ""},
		"emoji":         {"Welcome 👩🏽‍🎤 & <3 friends, 1 < 2", "Welcome 👩🏽‍🎤 & <3 friends, 1 < 2", ""},
		"right to left": {"ברוך הבא", "ברוך הבא", ""},
		"longest":       {strings.Repeat("é", MaxCopy), strings.Repeat("é", MaxCopy), ""},
		"too long":      {strings.Repeat("é", MaxCopy+1), "", "Site copy has at most 3000 characters; this has 3001."},
		"tag": {"Hello <script>alert(1)</script>", "",
			"Site copy is plain text: leave out HTML such as <b>."},
		"comment":      {"Hello <!-- -->", "", "Site copy is plain text: leave out HTML such as <b>."},
		"NUL":          {"a\x00b", "", "The character U+0000 in the site copy cannot be printed: remove it."},
		"escape":       {"a\x1b[31mb", "", "The character U+001B in the site copy cannot be printed: remove it."},
		"override":     {"a\u202eb", "", "The character U+202E in the site copy cannot be printed: remove it."},
		"line of YAML": {"a\u2028b: c", "", "The character U+2028 in the site copy cannot be printed: remove it."},
		"next line":    {"a\u0085b: c", "", "The character U+0085 in the site copy cannot be printed: remove it."},
		"not UTF-8":    {"a\xffb", "", "The site copy is not valid UTF-8 text."},
	} {
		clean, problem := CheckCopy(test.text)
		if diff := cmp.Diff([2]string{test.clean, test.problem}, [2]string{clean, problem}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
