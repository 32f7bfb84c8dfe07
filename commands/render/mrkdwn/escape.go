package mrkdwn

import (
	"regexp"
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// MaxName is the length at which long domain names are cut.
const MaxName = 80

// lookalikes replaces characters that would format text, since mrkdwn cannot escape them. Their
// look-alikes do not format.
var lookalikes = strings.NewReplacer("`", "ˋ", "*", "∗")

// emphasis matches pairs of the characters for italics and strikethrough. They format only at the
// ends of words, so paths and table names keep theirs.
var emphasis = regexp.MustCompile(`(^|[^\pL\pN])(_(\S|\S.*?\S)_|~(\S|\S.*?\S)~)($|[^\pL\pN])`)

// Inline makes text from people or machines safe within a line of mrkdwn.
func Inline(text string) string {
	text = lookalikes.Replace(OneLine(text))
	// A character that ends one match may begin the next.
	for range 2 {
		text = emphasis.ReplaceAllStringFunc(text, strings.NewReplacer("_", "ˍ", "~", "∼").Replace)
	}
	return blockkit.Escape(text)
}
