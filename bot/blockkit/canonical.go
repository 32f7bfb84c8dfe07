package blockkit

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/kyokomi/emoji/v2"
	"golang.org/x/text/unicode/norm"
)

var (
	// shortcode is an emoji as Slack may write it, such as :large_yellow_circle:.
	shortcode = regexp.MustCompile(`:[a-z0-9_+'-]+:(:skin-tone-[2-6]:)?`)
	// foundLink is a link that may stand for an address which was written without one.
	foundLink = regexp.MustCompile(`<((?:https?://|mailto:)[^<>|]+)(?:\|([^<>|]+))?>`)
)

// presentation is U+FE0F, which asks for the colored form of a character. Shortcodes drop it.
const presentation = "\uFE0F"

// canonicalText brings the ways in which Slack may write the same text into one: emoji as
// characters, no entities, no links around addresses that show themselves, and Unicode's form C.
func canonicalText(text string) string {
	if strings.Contains(text, ":") {
		text = shortcode.ReplaceAllStringFunc(text, emojiNamed)
	}
	if strings.Contains(text, "<") {
		text = foundLink.ReplaceAllStringFunc(text, withoutFoundLink)
	}
	text = strings.ReplaceAll(text, presentation, "")
	return norm.NFC.String(Unescape(text))
}

// emojiNamed is the emoji of a shortcode, or the shortcode itself if there is none.
func emojiNamed(code string) string {
	name, tone, toned := strings.Cut(code, "::")
	if toned {
		name, tone = name+":", ":"+tone
	}
	found, ok := emoji.CodeMap()[name]
	if !ok {
		return code
	}
	// Unicode's first tone of skin, U+1F3FB, is Slack's second.
	if len(tone) > len(":skin-tone-") {
		found += string(rune(0x1F3FB + int(tone[len(":skin-tone-")]-'2')))
	}
	return strings.ReplaceAll(strings.TrimSpace(found), presentation, "")
}

// emojiOf is the text that an emoji element of rich text shows. Slack names it and gives its
// characters in hexadecimal.
func emojiOf(element map[string]any) string {
	if codes, ok := element["unicode"].(string); ok && codes != "" {
		var text strings.Builder
		for code := range strings.SplitSeq(codes, "-") {
			point, err := strconv.ParseUint(code, 16, 21)
			if err != nil {
				return codes
			}
			text.WriteRune(rune(point))
		}
		return canonicalText(text.String())
	}
	name, _ := element["name"].(string)
	return canonicalText(":" + name + ":")
}

// withoutFoundLink is the address of a link that shows nothing else than its address, and the link
// itself otherwise.
func withoutFoundLink(link string) string {
	parts := foundLink.FindStringSubmatch(link)
	address, label := parts[1], parts[2]
	_, short, _ := strings.Cut(strings.Replace(address, "mailto:", "//", 1), "//")
	switch label {
	case "":
		return address
	case address, short:
		return label
	}
	return link
}
