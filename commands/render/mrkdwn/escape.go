package mrkdwn

import (
	"regexp"
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// MaxName cuts the longest names that DNS allows.
const MaxName = 80

// markup is what would format text from people that stands amid mrkdwn, which has no escape for it; look-alikes do no harm.
var markup = strings.NewReplacer("`", "ˋ", "*", "∗")

// slants are pairs of the signs that slant and strike words, which do so at the ends of words alone: paths and names of tables keep
// theirs.
var slants = regexp.MustCompile(`(^|[^\pL\pN])(_(\S|\S.*?\S)_|~(\S|\S.*?\S)~)($|[^\pL\pN])`)

// Inline is text from people or machines, to stand in a line of mrkdwn.
func Inline(text string) string {
	text = markup.Replace(OneLine(text))
	// A sign that ends one match may begin the next.
	for range 2 {
		text = slants.ReplaceAllStringFunc(text, strings.NewReplacer("_", "ˍ", "~", "∼").Replace)
	}
	return blockkit.Escape(text)
}
